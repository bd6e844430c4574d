# Sourced by scripts/test: private PostgreSQL and MariaDB servers that live as long as the script.

SERVERS=""         # Their folder. Under /tmp whatever TMPDIR says, because a socket's path has about 100 characters.
SERVER_PIDS=()
SERVER_PASSWORD="" # Loopback is open to the machine's other users, and these accounts may do anything.
AS_SERVER=()       # Runs a command as the user the servers run as; they end when this script is killed.

PATH=$PATH:/usr/sbin # Where Debian keeps mariadbd, and not on the PATH of ordinary users.

# Starts what the environment does not name already, and exports the URLs.
start_servers() {
  trap stop_servers EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  SERVERS=$(mktemp -d /tmp/cloakroom-XXXXXX)
  chmod 711 "$SERVERS"
  SERVER_PASSWORD=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  AS_SERVER=(env --chdir="$SERVERS" setpriv --pdeathsig QUIT)
  # Both refuse to run as root.
  if ((EUID == 0)); then AS_SERVER+=(--reuid nobody --regid nogroup --clear-groups); fi
  [[ -n ${CLOAKROOM_TEST_POSTGRES_URL:-} ]] || start_postgres
  [[ -n ${CLOAKROOM_TEST_MYSQL_URL:-} ]] || start_mariadb
}

# SIGQUIT ends both without waiting for clients that are still connected; MariaDB misses it while it is starting.
stop_servers() {
  local pid deadline=$((SECONDS + 5))
  for pid in "${SERVER_PIDS[@]}"; do kill -QUIT "$pid" 2>/dev/null || true; done
  for pid in "${SERVER_PIDS[@]}"; do
    while ((SECONDS < deadline)) && kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$SERVERS"
}

# The folder of the newest PostgreSQL server's programs, which Debian does not put on PATH. Empty if there is none.
postgres_folder() {
  local program
  program=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort --version-sort | tail -n 1)
  [[ -x $program ]] || program=$(command -v initdb || true)
  [[ -z $program ]] || dirname "$program"
}

start_postgres() {
  local programs folder=$SERVERS/postgres
  programs=$(postgres_folder)
  make_server_folder "$folder"
  echo "$SERVER_PASSWORD" >"$folder/password"
  "${AS_SERVER[@]}" "$programs/initdb" --pgdata="$folder/data" --username=cloakroom --auth=password --no-sync \
    --encoding=UTF8 --locale=C.UTF-8 --pwfile="$folder/password" >"$folder/log" 2>&1 || server_failed postgres
  # Durability is off because nobody will miss the data. Shared memory is in files, because containers have a small
  # /dev/shm. The tests that run side by side open many pools.
  start_server postgres "$folder/data/postmaster.pid" ready "$programs/postgres" -D "$folder/data" -k "$folder" \
    -h 127.0.0.1 -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=400 \
    -c dynamic_shared_memory_type=mmap -c track_counts=on -p
  export CLOAKROOM_TEST_POSTGRES_URL=postgres://cloakroom:$SERVER_PASSWORD@127.0.0.1:$SERVER_PORT/postgres
}

start_mariadb() {
  local folder=$SERVERS/mariadb
  make_server_folder "$folder"
  cat >"$folder/accounts" <<SQL
CREATE DATABASE cloakroom;
CREATE USER cloakroom@'127.0.0.1' IDENTIFIED BY '$SERVER_PASSWORD';
GRANT ALL PRIVILEGES ON *.* TO cloakroom@'127.0.0.1' WITH GRANT OPTION;
SQL
  "${AS_SERVER[@]}" mariadb-install-db --no-defaults --datadir="$folder/data" --skip-test-db --skip-name-resolve \
    >"$folder/log" 2>&1 || server_failed mariadb
  # Without a configuration file the character set is latin1, so the tables have to name their own.
  start_server mariadb "$folder/log" "ready for connections" mariadbd --no-defaults --datadir="$folder/data" \
    --socket="$folder/socket" --pid-file="$folder/pid" --init-file="$folder/accounts" --bind-address=127.0.0.1 \
    --skip-name-resolve --max-connections=400 --innodb-flush-log-at-trx-commit=0 --innodb-flush-method=nosync --port
  export CLOAKROOM_TEST_MYSQL_URL=mysql://cloakroom:$SERVER_PASSWORD@127.0.0.1:$SERVER_PORT/cloakroom
}

make_server_folder() {
  mkdir -m 700 "$1"
  if ((EUID == 0)); then chown nobody:nogroup "$1"; fi
}

# start_server NAME FILE TEXT COMMAND...: runs COMMAND with a free port as its last argument until FILE holds TEXT.
# Another program may take that port first, so a server that ends is started again with another. Sets SERVER_PORT.
start_server() {
  local name=$1 file=$2 text=$3 pid deadline
  shift 3
  for _ in 1 2 3; do
    SERVER_PORT=$(free_port)
    # A session of its own, so that Ctrl-C reaches the tests and not the servers under them.
    setsid "${AS_SERVER[@]}" "$@" "$SERVER_PORT" >"$SERVERS/$name/log" 2>&1 &
    pid=$!
    SERVER_PIDS+=("$pid")
    deadline=$((SECONDS + 60))
    while ((SECONDS < deadline)) && kill -0 "$pid" 2>/dev/null; do
      if grep -qs "$text" "$file"; then
        printf '=== %s is on port %s\n' "$name" "$SERVER_PORT"
        return
      fi
      sleep 0.1
    done
  done
  server_failed "$name"
}

# Below the range that the system hands out for outgoing connections.
free_port() {
  local port
  while port=$((20000 + RANDOM % 12000)); do
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  echo "$port"
}

server_failed() {
  tail -n 40 "$SERVERS/$1/log" >&2
  stop_with "the $1 server did not start; its log is above"
}
