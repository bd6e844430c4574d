-- ddl
CREATE SCHEMA IF NOT EXISTS "my ""own"" `schema`";
CREATE TABLE IF NOT EXISTS "my ""own"" `schema`"."x""; DROP TABLE users; --" (
  "select" bytea NOT NULL PRIMARY KEY,
  "version" bigint NOT NULL,
  "user_id" text,
  "handle" bytea,
  "authenticated_at" bigint,
  "method" text,
  "proof" bytea,
  "format" text NOT NULL,
  "da-ta `""' ?" bytea NOT NULL,
  "created_at" bigint NOT NULL,
  "seen_at" bigint NOT NULL,
  "expires_at" bigint NOT NULL,
  "deadline_at" bigint,
  "idle_ms" bigint,
  "absolute_ms" bigint,
  "persistence" smallint NOT NULL,
  "device" text,
  "verifier" bytea NOT NULL,
  "sweep_at" bigint NOT NULL,
  "user name" text,
  "$1" bigint
) WITH (fillfactor = 85);
CREATE INDEX IF NOT EXISTS "x""; DROP TABLE users; --_user_idx" ON "my ""own"" `schema`"."x""; DROP TABLE users; --" ("user_id", "select") WHERE "user_id" IS NOT NULL;
CREATE INDEX IF NOT EXISTS "x""; DROP TABLE users; --_sweep_idx" ON "my ""own"" `schema`"."x""; DROP TABLE users; --" ("sweep_at");

-- around ddl
(["BEGIN", "SELECT pg_advisory_xact_lock(4915170630137724171)"], "COMMIT")

-- load
SELECT stored."select", stored."version", stored."user_id", stored."handle", stored."authenticated_at", stored."method", stored."proof", stored."format", stored."created_at", stored."seen_at", stored."expires_at", stored."deadline_at", stored."idle_ms", stored."absolute_ms", stored."persistence"::bigint, stored."device", stored."verifier", stored."da-ta `""' ?" FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" AS stored WHERE stored."select" = ANY ($1)

-- create
INSERT INTO "my ""own"" `schema`"."x""; DROP TABLE users; --" AS stored ("select", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "da-ta `""' ?", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence", "device", "verifier", "sweep_at", "user name", "$1")
SELECT input.key, input.version, input.user_id, input.handle, input.authenticated_at, input.method, input.proof, input.format, input.data, input.created_at, input.seen_at, input.expires_at, input.deadline_at, input.idle_ms, input.absolute_ms, input.persistence, input.device, input.verifier, input.expires_at, input.extra_0, input.extra_1
FROM UNNEST($1::bytea[], $2::bigint[], $3::text[], $4::bytea[], $5::bigint[], $6::text[], $7::bytea[], $8::text[], $9::bytea[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::text[], $18::bytea[], $19::bigint[], $20::text[], $21::bigint[])
  AS input (key, version, user_id, handle, authenticated_at, method, proof, format, data, created_at, seen_at, expires_at, deadline_at, idle_ms, absolute_ms, persistence, device, verifier, now, extra_0, extra_1)
ORDER BY input.key
ON CONFLICT ("select") DO UPDATE SET "version" = excluded."version", "user_id" = excluded."user_id", "handle" = excluded."handle", "authenticated_at" = excluded."authenticated_at", "method" = excluded."method", "proof" = excluded."proof", "format" = excluded."format", "da-ta `""' ?" = excluded."da-ta `""' ?", "created_at" = excluded."created_at", "seen_at" = excluded."seen_at", "expires_at" = excluded."expires_at", "deadline_at" = excluded."deadline_at", "idle_ms" = excluded."idle_ms", "absolute_ms" = excluded."absolute_ms", "persistence" = excluded."persistence", "device" = excluded."device", "verifier" = excluded."verifier", "sweep_at" = excluded."sweep_at", "user name" = excluded."user name", "$1" = excluded."$1"
WHERE stored."expires_at" <= ($19::bigint[])[array_position($1::bytea[], excluded."select")]
RETURNING stored."select"

-- save
WITH input AS (
  SELECT * FROM UNNEST($1::bytea[], $2::bigint[], $3::text[], $4::bytea[], $5::bigint[], $6::text[], $7::bytea[], $8::text[], $9::bytea[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::text[], $18::bytea[], $19::bigint[], $20::text[], $21::bigint[])
  AS input (key, version, user_id, handle, authenticated_at, method, proof, format, data, created_at, seen_at, expires_at, deadline_at, idle_ms, absolute_ms, persistence, device, verifier, now, extra_0, extra_1)
), locked AS MATERIALIZED (
  SELECT stored."select" AS key, stored."version" AS version, stored."expires_at" AS expires_at
  FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" AS stored WHERE stored."select" = ANY ($1)
  ORDER BY stored."select" FOR NO KEY UPDATE
), live AS MATERIALIZED (
  SELECT input.*, locked.version = input.version AS matches
  FROM input JOIN locked ON locked.key = input.key WHERE locked.expires_at > input.now
), written AS (
  UPDATE "my ""own"" `schema`"."x""; DROP TABLE users; --" AS stored SET "version" = live.version + 1, "user_id" = live.user_id, "handle" = live.handle, "authenticated_at" = live.authenticated_at, "method" = live.method, "proof" = live.proof, "format" = live.format, "da-ta `""' ?" = live.data, "created_at" = live.created_at, "seen_at" = live.seen_at, "expires_at" = live.expires_at, "deadline_at" = live.deadline_at, "idle_ms" = live.idle_ms, "absolute_ms" = live.absolute_ms, "persistence" = live.persistence, "device" = live.device, "verifier" = live.verifier, "user name" = live.extra_0, "$1" = live.extra_1, "sweep_at" = LEAST(stored."sweep_at", live.expires_at)
  FROM live WHERE live.matches AND stored."select" = live.key
  RETURNING live.key
)
SELECT live.key, written.key IS NOT NULL
FROM live LEFT JOIN written ON written.key = live.key

-- touch
WITH input AS (
  SELECT * FROM UNNEST($1::bytea[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
  AS input (key, version, seen_at, expires_at, now)
), locked AS MATERIALIZED (
  SELECT stored."select" AS key, stored."version" AS version, stored."expires_at" AS expires_at
  FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" AS stored WHERE stored."select" = ANY ($1)
  ORDER BY stored."select" FOR NO KEY UPDATE
), live AS MATERIALIZED (
  SELECT input.*, locked.version = input.version AS matches
  FROM input JOIN locked ON locked.key = input.key WHERE locked.expires_at > input.now
), written AS (
  UPDATE "my ""own"" `schema`"."x""; DROP TABLE users; --" AS stored SET "seen_at" = GREATEST(stored."seen_at", live.seen_at), "expires_at" = GREATEST(stored."expires_at", live.expires_at)
  FROM live WHERE live.matches AND stored."select" = live.key
)
SELECT live.key FROM live

-- rename
WITH input AS (
  SELECT * FROM UNNEST($1::bytea[], $2::bigint[], $3::text[], $4::bytea[], $5::bigint[], $6::text[], $7::bytea[], $8::text[], $9::bytea[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::text[], $18::bytea[], $19::bigint[], $20::text[], $21::bigint[], $22::bytea[])
  AS input (key, version, user_id, handle, authenticated_at, method, proof, format, data, created_at, seen_at, expires_at, deadline_at, idle_ms, absolute_ms, persistence, device, verifier, now, extra_0, extra_1, target)
), locked AS MATERIALIZED (
  SELECT stored."select" AS key, stored."version" AS version, stored."expires_at" AS expires_at
  FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" AS stored WHERE stored."select" = ANY ($1)
  ORDER BY stored."select" FOR UPDATE
), live AS MATERIALIZED (
  SELECT input.*, locked.version = input.version AS matches
  FROM input JOIN locked ON locked.key = input.key WHERE locked.expires_at > input.now
), written AS (
  UPDATE "my ""own"" `schema`"."x""; DROP TABLE users; --" AS stored SET "select" = live.target, "version" = live.version + 1, "user_id" = live.user_id, "handle" = live.handle, "authenticated_at" = live.authenticated_at, "method" = live.method, "proof" = live.proof, "format" = live.format, "da-ta `""' ?" = live.data, "created_at" = live.created_at, "seen_at" = live.seen_at, "expires_at" = live.expires_at, "deadline_at" = live.deadline_at, "idle_ms" = live.idle_ms, "absolute_ms" = live.absolute_ms, "persistence" = live.persistence, "device" = live.device, "verifier" = live.verifier, "user name" = live.extra_0, "$1" = live.extra_1, "sweep_at" = live.expires_at
  FROM live WHERE live.matches AND stored."select" = live.key
  RETURNING live.key
)
SELECT live.key, written.key IS NOT NULL
FROM live LEFT JOIN written ON written.key = live.key

-- delete
WITH locked AS MATERIALIZED (
  SELECT stored."select" AS key FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" AS stored WHERE stored."select" = ANY ($1)
  ORDER BY stored."select" FOR UPDATE
)
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" AS stored USING locked WHERE stored."select" = locked.key

-- clear
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "select" = $1 AND "expires_at" <= $2

-- sweep
WITH due AS MATERIALIZED (
  SELECT stored."select" AS key, stored."expires_at" AS expires_at
  FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" AS stored WHERE stored."sweep_at" <= $1
  ORDER BY stored."sweep_at" LIMIT $2 FOR UPDATE SKIP LOCKED
), removed AS (
  DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "select" = ANY (ARRAY(SELECT due.key FROM due WHERE due.expires_at <= $1))
  RETURNING 1
), moved AS (
  UPDATE "my ""own"" `schema`"."x""; DROP TABLE users; --" SET "sweep_at" = "expires_at"
  WHERE "select" = ANY (ARRAY(SELECT due.key FROM due WHERE due.expires_at > $1))
)
SELECT (SELECT COUNT(*) FROM removed), (SELECT COUNT(*) FROM due)

-- begin of a range
BEGIN ISOLATION LEVEL READ COMMITTED

-- all


-- list
SELECT "select", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence"::bigint, "device", "verifier" FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > $1 AND LENGTH("verifier") > 0 ORDER BY "select" LIMIT $2

-- list after
SELECT "select", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence"::bigint, "device", "verifier" FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > $1 AND LENGTH("verifier") > 0 AND "select" > $2 ORDER BY "select" LIMIT $3

-- count
SELECT COUNT(*) FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > $1 AND LENGTH("verifier") > 0

-- end
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > $1 AND LENGTH("verifier") > 0;
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" <= $1 AND LENGTH("verifier") > 0

-- end but one
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > $1 AND LENGTH("verifier") > 0 AND "select" <> $2;
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" <= $1 AND LENGTH("verifier") > 0 AND "select" <> $2

-- user


-- list
SELECT "select", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence"::bigint, "device", "verifier" FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > $1 AND "user_id" = $2 ORDER BY "select" LIMIT $3

-- list after
SELECT "select", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence"::bigint, "device", "verifier" FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > $1 AND "user_id" = $2 AND "select" > $3 ORDER BY "select" LIMIT $4

-- count
SELECT COUNT(*) FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > $1 AND "user_id" = $2

-- end
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > $1 AND "user_id" = $2;
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" <= $1 AND "user_id" = $2

-- end but one
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > $1 AND "user_id" = $2 AND "select" <> $3;
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" <= $1 AND "user_id" = $2 AND "select" <> $3

-- session


-- list
SELECT "select", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence"::bigint, "device", "verifier" FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > $1 AND "user_id" = $2 AND "handle" = $3 ORDER BY "select" LIMIT $4

-- list after
SELECT "select", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence"::bigint, "device", "verifier" FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > $1 AND "user_id" = $2 AND "handle" = $3 AND "select" > $4 ORDER BY "select" LIMIT $5

-- count
SELECT COUNT(*) FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > $1 AND "user_id" = $2 AND "handle" = $3

-- end
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > $1 AND "user_id" = $2 AND "handle" = $3;
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" <= $1 AND "user_id" = $2 AND "handle" = $3

-- end but one
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > $1 AND "user_id" = $2 AND "handle" = $3 AND "select" <> $4;
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" <= $1 AND "user_id" = $2 AND "handle" = $3 AND "select" <> $4

-- admission: mark
SELECT "select" FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "select" = $1 AND "version" = $2 AND "expires_at" > $3 FOR UPDATE

-- admission: held 3
SELECT "select", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence"::bigint, "device", "verifier" FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "select" IN ($1, $2, $3, $4) ORDER BY "select" FOR UPDATE

-- admission: remove 3
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "select" IN ($1, $2, $3, $4)

-- question
SELECT attname::text, format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN '0' ELSE '1' END, CASE WHEN atthasdef OR attidentity <> '' THEN '1' ELSE '0' END, NULL::text FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
-- [Some("\"my \"\"own\"\" `schema`\".\"x\"\"; DROP TABLE users; --\"")]

-- question
SELECT indexrelid::text, CASE WHEN indisunique THEN '1' ELSE '0' END, CASE WHEN indpred IS NULL THEN '1' ELSE '0' END, attname::text FROM pg_index CROSS JOIN LATERAL unnest(indkey) WITH ORDINALITY AS part (number, position) LEFT JOIN pg_attribute ON attrelid = indrelid AND attnum = number AND number <> 0 WHERE indrelid = to_regclass($1) AND indisvalid AND position <= indnkeyatts ORDER BY indexrelid, position
-- [Some("\"my \"\"own\"\" `schema`\".\"x\"\"; DROP TABLE users; --\"")]
