-- ddl
CREATE TABLE IF NOT EXISTS "sessions" (
  "key" BLOB NOT NULL PRIMARY KEY,
  "version" INTEGER NOT NULL,
  "user_id" TEXT,
  "handle" BLOB,
  "authenticated_at" INTEGER,
  "method" TEXT,
  "proof" BLOB,
  "format" TEXT NOT NULL,
  "data" TEXT NOT NULL,
  "created_at" INTEGER NOT NULL,
  "seen_at" INTEGER NOT NULL,
  "expires_at" INTEGER NOT NULL,
  "deadline_at" INTEGER,
  "idle_ms" INTEGER,
  "absolute_ms" INTEGER,
  "persistence" INTEGER NOT NULL,
  "device" TEXT,
  "verifier" BLOB NOT NULL,
  "sweep_at" INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS "sessions_user_idx" ON "sessions" ("user_id", "key") WHERE "user_id" IS NOT NULL;
CREATE INDEX IF NOT EXISTS "sessions_sweep_idx" ON "sessions" ("sweep_at");

-- around ddl
(["BEGIN IMMEDIATE"], "COMMIT")

-- begin
BEGIN IMMEDIATE

-- load 3
SELECT "key", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence", "device", "verifier", "data" FROM "sessions" WHERE "key" IN (?, ?, ?, ?)

-- insert
INSERT INTO "sessions" ("key", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "data", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence", "device", "verifier", "sweep_at") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- replace
UPDATE "sessions" SET "version" = ?, "user_id" = ?, "handle" = ?, "authenticated_at" = ?, "method" = ?, "proof" = ?, "format" = ?, "data" = ?, "created_at" = ?, "seen_at" = ?, "expires_at" = ?, "deadline_at" = ?, "idle_ms" = ?, "absolute_ms" = ?, "persistence" = ?, "device" = ?, "verifier" = ?, "sweep_at" = ? WHERE "key" = ? AND "expires_at" <= ?

-- update
UPDATE "sessions" SET "version" = ?, "user_id" = ?, "handle" = ?, "authenticated_at" = ?, "method" = ?, "proof" = ?, "format" = ?, "data" = ?, "created_at" = ?, "seen_at" = ?, "expires_at" = ?, "deadline_at" = ?, "idle_ms" = ?, "absolute_ms" = ?, "persistence" = ?, "device" = ?, "verifier" = ?, "sweep_at" = MIN("sweep_at", ?) WHERE "key" = ? AND "version" = ? AND "expires_at" > ?

-- touch
UPDATE "sessions" SET "seen_at" = MAX("seen_at", ?), "expires_at" = MAX("expires_at", ?) WHERE "key" = ? AND "version" = ? AND "expires_at" > ?

-- rename
UPDATE "sessions" SET "key" = ?, "version" = ?, "user_id" = ?, "handle" = ?, "authenticated_at" = ?, "method" = ?, "proof" = ?, "format" = ?, "data" = ?, "created_at" = ?, "seen_at" = ?, "expires_at" = ?, "deadline_at" = ?, "idle_ms" = ?, "absolute_ms" = ?, "persistence" = ?, "device" = ?, "verifier" = ?, "sweep_at" = ? WHERE "key" = ? AND "version" = ? AND "expires_at" > ?

-- delete
DELETE FROM "sessions" WHERE "key" = ?

-- clear
DELETE FROM "sessions" WHERE "key" = ? AND "expires_at" <= ?

-- probe
SELECT COUNT(*) FROM "sessions" WHERE "key" = ? AND "expires_at" > ?

-- sweep: due
SELECT "key" FROM "sessions" WHERE "sweep_at" <= ? ORDER BY "sweep_at" LIMIT ?

-- sweep: delete 1
DELETE FROM "sessions" WHERE "expires_at" <= ? AND "key" IN (?)

-- sweep: move 2
UPDATE "sessions" SET "sweep_at" = "expires_at" WHERE "key" IN (?, ?)

-- begin of a range
BEGIN IMMEDIATE

-- all


-- list
SELECT "key", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence", "device", "verifier" FROM "sessions" WHERE "expires_at" > ? AND LENGTH("verifier") > 0 ORDER BY "key" LIMIT ?

-- list after
SELECT "key", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence", "device", "verifier" FROM "sessions" WHERE "expires_at" > ? AND LENGTH("verifier") > 0 AND "key" > ? ORDER BY "key" LIMIT ?

-- count
SELECT COUNT(*) FROM "sessions" WHERE "expires_at" > ? AND LENGTH("verifier") > 0

-- end
DELETE FROM "sessions" WHERE "expires_at" > ? AND LENGTH("verifier") > 0;
DELETE FROM "sessions" WHERE "expires_at" <= ? AND LENGTH("verifier") > 0

-- end but one
DELETE FROM "sessions" WHERE "expires_at" > ? AND LENGTH("verifier") > 0 AND "key" <> ?;
DELETE FROM "sessions" WHERE "expires_at" <= ? AND LENGTH("verifier") > 0 AND "key" <> ?

-- user


-- list
SELECT "key", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence", "device", "verifier" FROM "sessions" WHERE "expires_at" > ? AND "user_id" = ? ORDER BY "key" LIMIT ?

-- list after
SELECT "key", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence", "device", "verifier" FROM "sessions" WHERE "expires_at" > ? AND "user_id" = ? AND "key" > ? ORDER BY "key" LIMIT ?

-- count
SELECT COUNT(*) FROM "sessions" WHERE "expires_at" > ? AND "user_id" = ?

-- end
DELETE FROM "sessions" WHERE "expires_at" > ? AND "user_id" = ?;
DELETE FROM "sessions" WHERE "expires_at" <= ? AND "user_id" = ?

-- end but one
DELETE FROM "sessions" WHERE "expires_at" > ? AND "user_id" = ? AND "key" <> ?;
DELETE FROM "sessions" WHERE "expires_at" <= ? AND "user_id" = ? AND "key" <> ?

-- session


-- list
SELECT "key", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence", "device", "verifier" FROM "sessions" WHERE "expires_at" > ? AND "user_id" = ? AND "handle" = ? ORDER BY "key" LIMIT ?

-- list after
SELECT "key", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence", "device", "verifier" FROM "sessions" WHERE "expires_at" > ? AND "user_id" = ? AND "handle" = ? AND "key" > ? ORDER BY "key" LIMIT ?

-- count
SELECT COUNT(*) FROM "sessions" WHERE "expires_at" > ? AND "user_id" = ? AND "handle" = ?

-- end
DELETE FROM "sessions" WHERE "expires_at" > ? AND "user_id" = ? AND "handle" = ?;
DELETE FROM "sessions" WHERE "expires_at" <= ? AND "user_id" = ? AND "handle" = ?

-- end but one
DELETE FROM "sessions" WHERE "expires_at" > ? AND "user_id" = ? AND "handle" = ? AND "key" <> ?;
DELETE FROM "sessions" WHERE "expires_at" <= ? AND "user_id" = ? AND "handle" = ? AND "key" <> ?

-- admission: mark
SELECT "key" FROM "sessions" WHERE "key" = ? AND "version" = ? AND "expires_at" > ?

-- admission: held 3
SELECT "key", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence", "device", "verifier" FROM "sessions" WHERE "key" IN (?, ?, ?, ?) ORDER BY "key"

-- admission: remove 3
DELETE FROM "sessions" WHERE "key" IN (?, ?, ?, ?)

-- question
SELECT name, type, CASE WHEN "notnull" = 0 THEN '1' ELSE '0' END, CASE WHEN dflt_value IS NOT NULL OR (pk = 1 AND UPPER(type) = 'INTEGER') THEN '1' ELSE '0' END, NULL FROM pragma_table_info(?1, ?2)
-- [Some("sessions"), None]

-- question
SELECT list.name, CAST(list."unique" AS TEXT), CASE WHEN list.partial THEN '0' ELSE '1' END, info.name FROM pragma_index_list(?1, ?2) AS list, pragma_index_info(list.name, ?2) AS info ORDER BY list.name, info.seqno
-- [Some("sessions"), None]
