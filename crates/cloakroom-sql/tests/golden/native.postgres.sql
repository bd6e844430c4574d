-- ddl
CREATE TABLE IF NOT EXISTS "sessions" (
  "key" bytea NOT NULL PRIMARY KEY,
  "version" bigint NOT NULL,
  "user_id" text,
  "handle" bytea,
  "authenticated_at" bigint,
  "method" text,
  "proof" bytea,
  "format" text NOT NULL,
  "data" json NOT NULL,
  "created_at" bigint NOT NULL,
  "seen_at" bigint NOT NULL,
  "expires_at" bigint NOT NULL,
  "deadline_at" bigint,
  "idle_ms" bigint,
  "absolute_ms" bigint,
  "persistence" smallint NOT NULL,
  "device" text,
  "verifier" bytea NOT NULL,
  "sweep_at" bigint NOT NULL
) WITH (fillfactor = 85);
CREATE INDEX IF NOT EXISTS "sessions_user_idx" ON "sessions" ("user_id", "key") WHERE "user_id" IS NOT NULL;
CREATE INDEX IF NOT EXISTS "sessions_sweep_idx" ON "sessions" ("sweep_at");

-- around ddl
(["BEGIN", "SELECT pg_advisory_xact_lock(4915170630137724171)"], "COMMIT")

-- load
SELECT stored."key", stored."version", stored."user_id", stored."handle", stored."authenticated_at", stored."method", stored."proof", stored."format", stored."created_at", stored."seen_at", stored."expires_at", stored."deadline_at", stored."idle_ms", stored."absolute_ms", stored."persistence"::bigint, stored."device", stored."verifier", stored."data"::text FROM "sessions" AS stored WHERE stored."key" = ANY ($1)

-- create
INSERT INTO "sessions" AS stored ("key", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "data", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence", "device", "verifier", "sweep_at")
SELECT input.key, input.version, input.user_id, input.handle, input.authenticated_at, input.method, input.proof, input.format, input.data::json, input.created_at, input.seen_at, input.expires_at, input.deadline_at, input.idle_ms, input.absolute_ms, input.persistence, input.device, input.verifier, input.expires_at
FROM UNNEST($1::bytea[], $2::bigint[], $3::text[], $4::bytea[], $5::bigint[], $6::text[], $7::bytea[], $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::text[], $18::bytea[], $19::bigint[])
  AS input (key, version, user_id, handle, authenticated_at, method, proof, format, data, created_at, seen_at, expires_at, deadline_at, idle_ms, absolute_ms, persistence, device, verifier, now)
ORDER BY input.key
ON CONFLICT ("key") DO UPDATE SET "version" = excluded."version", "user_id" = excluded."user_id", "handle" = excluded."handle", "authenticated_at" = excluded."authenticated_at", "method" = excluded."method", "proof" = excluded."proof", "format" = excluded."format", "data" = excluded."data", "created_at" = excluded."created_at", "seen_at" = excluded."seen_at", "expires_at" = excluded."expires_at", "deadline_at" = excluded."deadline_at", "idle_ms" = excluded."idle_ms", "absolute_ms" = excluded."absolute_ms", "persistence" = excluded."persistence", "device" = excluded."device", "verifier" = excluded."verifier", "sweep_at" = excluded."sweep_at"
WHERE stored."expires_at" <= ($19::bigint[])[array_position($1::bytea[], excluded."key")]
RETURNING stored."key"

-- save
WITH input AS (
  SELECT * FROM UNNEST($1::bytea[], $2::bigint[], $3::text[], $4::bytea[], $5::bigint[], $6::text[], $7::bytea[], $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::text[], $18::bytea[], $19::bigint[])
  AS input (key, version, user_id, handle, authenticated_at, method, proof, format, data, created_at, seen_at, expires_at, deadline_at, idle_ms, absolute_ms, persistence, device, verifier, now)
), locked AS MATERIALIZED (
  SELECT stored."key" AS key, stored."version" AS version, stored."expires_at" AS expires_at
  FROM "sessions" AS stored WHERE stored."key" = ANY ($1)
  ORDER BY stored."key" FOR NO KEY UPDATE
), live AS MATERIALIZED (
  SELECT input.*, locked.version = input.version AS matches
  FROM input JOIN locked ON locked.key = input.key WHERE locked.expires_at > input.now
), written AS (
  UPDATE "sessions" AS stored SET "version" = live.version + 1, "user_id" = live.user_id, "handle" = live.handle, "authenticated_at" = live.authenticated_at, "method" = live.method, "proof" = live.proof, "format" = live.format, "data" = live.data::json, "created_at" = live.created_at, "seen_at" = live.seen_at, "expires_at" = live.expires_at, "deadline_at" = live.deadline_at, "idle_ms" = live.idle_ms, "absolute_ms" = live.absolute_ms, "persistence" = live.persistence, "device" = live.device, "verifier" = live.verifier, "sweep_at" = LEAST(stored."sweep_at", live.expires_at)
  FROM live WHERE live.matches AND stored."key" = live.key
  RETURNING live.key
)
SELECT live.key, written.key IS NOT NULL
FROM live LEFT JOIN written ON written.key = live.key

-- touch
WITH input AS (
  SELECT * FROM UNNEST($1::bytea[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
  AS input (key, version, seen_at, expires_at, now)
), locked AS MATERIALIZED (
  SELECT stored."key" AS key, stored."version" AS version, stored."expires_at" AS expires_at
  FROM "sessions" AS stored WHERE stored."key" = ANY ($1)
  ORDER BY stored."key" FOR NO KEY UPDATE
), live AS MATERIALIZED (
  SELECT input.*, locked.version = input.version AS matches
  FROM input JOIN locked ON locked.key = input.key WHERE locked.expires_at > input.now
), written AS (
  UPDATE "sessions" AS stored SET "seen_at" = GREATEST(stored."seen_at", live.seen_at), "expires_at" = GREATEST(stored."expires_at", live.expires_at)
  FROM live WHERE live.matches AND stored."key" = live.key
)
SELECT live.key FROM live

-- rename
WITH input AS (
  SELECT * FROM UNNEST($1::bytea[], $2::bigint[], $3::text[], $4::bytea[], $5::bigint[], $6::text[], $7::bytea[], $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::text[], $18::bytea[], $19::bigint[], $20::bytea[])
  AS input (key, version, user_id, handle, authenticated_at, method, proof, format, data, created_at, seen_at, expires_at, deadline_at, idle_ms, absolute_ms, persistence, device, verifier, now, target)
), locked AS MATERIALIZED (
  SELECT stored."key" AS key, stored."version" AS version, stored."expires_at" AS expires_at
  FROM "sessions" AS stored WHERE stored."key" = ANY ($1)
  ORDER BY stored."key" FOR UPDATE
), live AS MATERIALIZED (
  SELECT input.*, locked.version = input.version AS matches
  FROM input JOIN locked ON locked.key = input.key WHERE locked.expires_at > input.now
), written AS (
  UPDATE "sessions" AS stored SET "key" = live.target, "version" = live.version + 1, "user_id" = live.user_id, "handle" = live.handle, "authenticated_at" = live.authenticated_at, "method" = live.method, "proof" = live.proof, "format" = live.format, "data" = live.data::json, "created_at" = live.created_at, "seen_at" = live.seen_at, "expires_at" = live.expires_at, "deadline_at" = live.deadline_at, "idle_ms" = live.idle_ms, "absolute_ms" = live.absolute_ms, "persistence" = live.persistence, "device" = live.device, "verifier" = live.verifier, "sweep_at" = live.expires_at
  FROM live WHERE live.matches AND stored."key" = live.key
  RETURNING live.key
)
SELECT live.key, written.key IS NOT NULL
FROM live LEFT JOIN written ON written.key = live.key

-- delete
WITH locked AS MATERIALIZED (
  SELECT stored."key" AS key FROM "sessions" AS stored WHERE stored."key" = ANY ($1)
  ORDER BY stored."key" FOR UPDATE
)
DELETE FROM "sessions" AS stored USING locked WHERE stored."key" = locked.key

-- clear
DELETE FROM "sessions" WHERE "key" = $1 AND "expires_at" <= $2

-- sweep
WITH due AS MATERIALIZED (
  SELECT stored."key" AS key, stored."expires_at" AS expires_at
  FROM "sessions" AS stored WHERE stored."sweep_at" <= $1
  ORDER BY stored."sweep_at" LIMIT $2 FOR UPDATE SKIP LOCKED
), removed AS (
  DELETE FROM "sessions" WHERE "key" = ANY (ARRAY(SELECT due.key FROM due WHERE due.expires_at <= $1))
  RETURNING 1
), moved AS (
  UPDATE "sessions" SET "sweep_at" = "expires_at"
  WHERE "key" = ANY (ARRAY(SELECT due.key FROM due WHERE due.expires_at > $1))
)
SELECT (SELECT COUNT(*) FROM removed), (SELECT COUNT(*) FROM due)

-- begin of a range
BEGIN ISOLATION LEVEL READ COMMITTED

-- all


-- list
SELECT "key", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence"::bigint, "device", "verifier" FROM "sessions" WHERE "expires_at" > $1 AND LENGTH("verifier") > 0 ORDER BY "key" LIMIT $2

-- list after
SELECT "key", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence"::bigint, "device", "verifier" FROM "sessions" WHERE "expires_at" > $1 AND LENGTH("verifier") > 0 AND "key" > $2 ORDER BY "key" LIMIT $3

-- count
SELECT COUNT(*) FROM "sessions" WHERE "expires_at" > $1 AND LENGTH("verifier") > 0

-- end
DELETE FROM "sessions" WHERE "expires_at" > $1 AND LENGTH("verifier") > 0;
DELETE FROM "sessions" WHERE "expires_at" <= $1 AND LENGTH("verifier") > 0

-- end but one
DELETE FROM "sessions" WHERE "expires_at" > $1 AND LENGTH("verifier") > 0 AND "key" <> $2;
DELETE FROM "sessions" WHERE "expires_at" <= $1 AND LENGTH("verifier") > 0 AND "key" <> $2

-- user


-- list
SELECT "key", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence"::bigint, "device", "verifier" FROM "sessions" WHERE "expires_at" > $1 AND "user_id" = $2 ORDER BY "key" LIMIT $3

-- list after
SELECT "key", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence"::bigint, "device", "verifier" FROM "sessions" WHERE "expires_at" > $1 AND "user_id" = $2 AND "key" > $3 ORDER BY "key" LIMIT $4

-- count
SELECT COUNT(*) FROM "sessions" WHERE "expires_at" > $1 AND "user_id" = $2

-- end
DELETE FROM "sessions" WHERE "expires_at" > $1 AND "user_id" = $2;
DELETE FROM "sessions" WHERE "expires_at" <= $1 AND "user_id" = $2

-- end but one
DELETE FROM "sessions" WHERE "expires_at" > $1 AND "user_id" = $2 AND "key" <> $3;
DELETE FROM "sessions" WHERE "expires_at" <= $1 AND "user_id" = $2 AND "key" <> $3

-- session


-- list
SELECT "key", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence"::bigint, "device", "verifier" FROM "sessions" WHERE "expires_at" > $1 AND "user_id" = $2 AND "handle" = $3 ORDER BY "key" LIMIT $4

-- list after
SELECT "key", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence"::bigint, "device", "verifier" FROM "sessions" WHERE "expires_at" > $1 AND "user_id" = $2 AND "handle" = $3 AND "key" > $4 ORDER BY "key" LIMIT $5

-- count
SELECT COUNT(*) FROM "sessions" WHERE "expires_at" > $1 AND "user_id" = $2 AND "handle" = $3

-- end
DELETE FROM "sessions" WHERE "expires_at" > $1 AND "user_id" = $2 AND "handle" = $3;
DELETE FROM "sessions" WHERE "expires_at" <= $1 AND "user_id" = $2 AND "handle" = $3

-- end but one
DELETE FROM "sessions" WHERE "expires_at" > $1 AND "user_id" = $2 AND "handle" = $3 AND "key" <> $4;
DELETE FROM "sessions" WHERE "expires_at" <= $1 AND "user_id" = $2 AND "handle" = $3 AND "key" <> $4

-- admission: mark
SELECT "key" FROM "sessions" WHERE "key" = $1 AND "version" = $2 AND "expires_at" > $3 FOR UPDATE

-- admission: held 3
SELECT "key", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence"::bigint, "device", "verifier" FROM "sessions" WHERE "key" IN ($1, $2, $3, $4) ORDER BY "key" FOR UPDATE

-- admission: remove 3
DELETE FROM "sessions" WHERE "key" IN ($1, $2, $3, $4)

-- question
SELECT attname::text, format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN '0' ELSE '1' END, CASE WHEN atthasdef OR attidentity <> '' THEN '1' ELSE '0' END, NULL::text FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
-- [Some("\"sessions\"")]

-- question
SELECT indexrelid::text, CASE WHEN indisunique THEN '1' ELSE '0' END, CASE WHEN indpred IS NULL THEN '1' ELSE '0' END, attname::text FROM pg_index CROSS JOIN LATERAL unnest(indkey) WITH ORDINALITY AS part (number, position) LEFT JOIN pg_attribute ON attrelid = indrelid AND attnum = number AND number <> 0 WHERE indrelid = to_regclass($1) AND indisvalid AND position <= indnkeyatts ORDER BY indexrelid, position
-- [Some("\"sessions\"")]
