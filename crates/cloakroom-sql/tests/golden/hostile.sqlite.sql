-- ddl
CREATE TABLE IF NOT EXISTS "my ""own"" `schema`"."x""; DROP TABLE users; --" (
  "select" BLOB NOT NULL PRIMARY KEY,
  "version" INTEGER NOT NULL,
  "user_id" TEXT,
  "handle" BLOB,
  "authenticated_at" INTEGER,
  "method" TEXT,
  "proof" BLOB,
  "format" TEXT NOT NULL,
  "da-ta `""' ?" BLOB NOT NULL,
  "created_at" INTEGER NOT NULL,
  "seen_at" INTEGER NOT NULL,
  "expires_at" INTEGER NOT NULL,
  "deadline_at" INTEGER,
  "idle_ms" INTEGER,
  "absolute_ms" INTEGER,
  "persistence" INTEGER NOT NULL,
  "device" TEXT,
  "verifier" BLOB NOT NULL,
  "sweep_at" INTEGER NOT NULL,
  "user name" TEXT,
  "$1" INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS "my ""own"" `schema`"."x""; DROP TABLE users; --_user_idx" ON "x""; DROP TABLE users; --" ("user_id", "select") WHERE "user_id" IS NOT NULL;
CREATE INDEX IF NOT EXISTS "my ""own"" `schema`"."x""; DROP TABLE users; --_sweep_idx" ON "x""; DROP TABLE users; --" ("sweep_at");

-- around ddl
(["BEGIN IMMEDIATE"], "COMMIT")

-- begin
BEGIN IMMEDIATE

-- load 3
SELECT "select", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence", "device", "verifier", "da-ta `""' ?" FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "select" IN (?, ?, ?, ?)

-- insert
INSERT INTO "my ""own"" `schema`"."x""; DROP TABLE users; --" ("select", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "da-ta `""' ?", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence", "device", "verifier", "sweep_at", "user name", "$1") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- replace
UPDATE "my ""own"" `schema`"."x""; DROP TABLE users; --" SET "version" = ?, "user_id" = ?, "handle" = ?, "authenticated_at" = ?, "method" = ?, "proof" = ?, "format" = ?, "da-ta `""' ?" = ?, "created_at" = ?, "seen_at" = ?, "expires_at" = ?, "deadline_at" = ?, "idle_ms" = ?, "absolute_ms" = ?, "persistence" = ?, "device" = ?, "verifier" = ?, "sweep_at" = ?, "user name" = ?, "$1" = ? WHERE "select" = ? AND "expires_at" <= ?

-- update
UPDATE "my ""own"" `schema`"."x""; DROP TABLE users; --" SET "version" = ?, "user_id" = ?, "handle" = ?, "authenticated_at" = ?, "method" = ?, "proof" = ?, "format" = ?, "da-ta `""' ?" = ?, "created_at" = ?, "seen_at" = ?, "expires_at" = ?, "deadline_at" = ?, "idle_ms" = ?, "absolute_ms" = ?, "persistence" = ?, "device" = ?, "verifier" = ?, "sweep_at" = MIN("sweep_at", ?), "user name" = ?, "$1" = ? WHERE "select" = ? AND "version" = ? AND "expires_at" > ?

-- touch
UPDATE "my ""own"" `schema`"."x""; DROP TABLE users; --" SET "seen_at" = MAX("seen_at", ?), "expires_at" = MAX("expires_at", ?) WHERE "select" = ? AND "version" = ? AND "expires_at" > ?

-- rename
UPDATE "my ""own"" `schema`"."x""; DROP TABLE users; --" SET "select" = ?, "version" = ?, "user_id" = ?, "handle" = ?, "authenticated_at" = ?, "method" = ?, "proof" = ?, "format" = ?, "da-ta `""' ?" = ?, "created_at" = ?, "seen_at" = ?, "expires_at" = ?, "deadline_at" = ?, "idle_ms" = ?, "absolute_ms" = ?, "persistence" = ?, "device" = ?, "verifier" = ?, "sweep_at" = ?, "user name" = ?, "$1" = ? WHERE "select" = ? AND "version" = ? AND "expires_at" > ?

-- delete
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "select" = ?

-- clear
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "select" = ? AND "expires_at" <= ?

-- probe
SELECT COUNT(*) FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "select" = ? AND "expires_at" > ?

-- sweep: due
SELECT "select" FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "sweep_at" <= ? ORDER BY "sweep_at" LIMIT ?

-- sweep: delete 1
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" <= ? AND "select" IN (?)

-- sweep: move 2
UPDATE "my ""own"" `schema`"."x""; DROP TABLE users; --" SET "sweep_at" = "expires_at" WHERE "select" IN (?, ?)

-- begin of a range
BEGIN IMMEDIATE

-- all


-- list
SELECT "select", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence", "device", "verifier" FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > ? AND LENGTH("verifier") > 0 ORDER BY "select" LIMIT ?

-- list after
SELECT "select", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence", "device", "verifier" FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > ? AND LENGTH("verifier") > 0 AND "select" > ? ORDER BY "select" LIMIT ?

-- count
SELECT COUNT(*) FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > ? AND LENGTH("verifier") > 0

-- end
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > ? AND LENGTH("verifier") > 0;
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" <= ? AND LENGTH("verifier") > 0

-- end but one
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > ? AND LENGTH("verifier") > 0 AND "select" <> ?;
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" <= ? AND LENGTH("verifier") > 0 AND "select" <> ?

-- user


-- list
SELECT "select", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence", "device", "verifier" FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > ? AND "user_id" = ? ORDER BY "select" LIMIT ?

-- list after
SELECT "select", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence", "device", "verifier" FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > ? AND "user_id" = ? AND "select" > ? ORDER BY "select" LIMIT ?

-- count
SELECT COUNT(*) FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > ? AND "user_id" = ?

-- end
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > ? AND "user_id" = ?;
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" <= ? AND "user_id" = ?

-- end but one
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > ? AND "user_id" = ? AND "select" <> ?;
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" <= ? AND "user_id" = ? AND "select" <> ?

-- session


-- list
SELECT "select", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence", "device", "verifier" FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > ? AND "user_id" = ? AND "handle" = ? ORDER BY "select" LIMIT ?

-- list after
SELECT "select", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence", "device", "verifier" FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > ? AND "user_id" = ? AND "handle" = ? AND "select" > ? ORDER BY "select" LIMIT ?

-- count
SELECT COUNT(*) FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > ? AND "user_id" = ? AND "handle" = ?

-- end
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > ? AND "user_id" = ? AND "handle" = ?;
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" <= ? AND "user_id" = ? AND "handle" = ?

-- end but one
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" > ? AND "user_id" = ? AND "handle" = ? AND "select" <> ?;
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "expires_at" <= ? AND "user_id" = ? AND "handle" = ? AND "select" <> ?

-- admission: mark
SELECT "select" FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "select" = ? AND "version" = ? AND "expires_at" > ?

-- admission: held 3
SELECT "select", "version", "user_id", "handle", "authenticated_at", "method", "proof", "format", "created_at", "seen_at", "expires_at", "deadline_at", "idle_ms", "absolute_ms", "persistence", "device", "verifier" FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "select" IN (?, ?, ?, ?) ORDER BY "select"

-- admission: remove 3
DELETE FROM "my ""own"" `schema`"."x""; DROP TABLE users; --" WHERE "select" IN (?, ?, ?, ?)

-- question
SELECT name, type, CASE WHEN "notnull" = 0 THEN '1' ELSE '0' END, CASE WHEN dflt_value IS NOT NULL OR (pk = 1 AND UPPER(type) = 'INTEGER') THEN '1' ELSE '0' END, NULL FROM pragma_table_info(?1, ?2)
-- [Some("x\"; DROP TABLE users; --"), Some("my \"own\" `schema`")]

-- question
SELECT list.name, CAST(list."unique" AS TEXT), CASE WHEN list.partial THEN '0' ELSE '1' END, info.name FROM pragma_index_list(?1, ?2) AS list, pragma_index_info(list.name, ?2) AS info ORDER BY list.name, info.seqno
-- [Some("x\"; DROP TABLE users; --"), Some("my \"own\" `schema`")]
