-- ddl
CREATE TABLE IF NOT EXISTS `my "own" ``schema```.`x"; DROP TABLE users; --` (
  `select` VARBINARY(255) NOT NULL PRIMARY KEY,
  `version` BIGINT NOT NULL,
  `user_id` VARBINARY(255),
  `handle` VARBINARY(255),
  `authenticated_at` BIGINT,
  `method` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin,
  `proof` VARBINARY(255),
  `format` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `da-ta ``"' ?` LONGBLOB NOT NULL,
  `created_at` BIGINT NOT NULL,
  `seen_at` BIGINT NOT NULL,
  `expires_at` BIGINT NOT NULL,
  `deadline_at` BIGINT,
  `idle_ms` BIGINT,
  `absolute_ms` BIGINT,
  `persistence` SMALLINT NOT NULL,
  `device` TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  `verifier` VARBINARY(255) NOT NULL,
  `sweep_at` BIGINT NOT NULL,
  `user name` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  `$1` BIGINT,
  KEY `x"; DROP TABLE users; --_user_idx` (`user_id`, `select`),
  KEY `x"; DROP TABLE users; --_sweep_idx` (`sweep_at`)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- around ddl
(["START TRANSACTION"], "COMMIT")

-- begin
SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION

-- load 3
SELECT `select`, `version`, CONVERT(`user_id` USING utf8mb4), `handle`, `authenticated_at`, `method`, `proof`, `format`, `created_at`, `seen_at`, `expires_at`, `deadline_at`, `idle_ms`, `absolute_ms`, `persistence`, `device`, `verifier`, `da-ta ``"' ?` FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `select` IN (?, ?, ?, ?)

-- insert
INSERT INTO `my "own" ``schema```.`x"; DROP TABLE users; --` (`select`, `version`, `user_id`, `handle`, `authenticated_at`, `method`, `proof`, `format`, `da-ta ``"' ?`, `created_at`, `seen_at`, `expires_at`, `deadline_at`, `idle_ms`, `absolute_ms`, `persistence`, `device`, `verifier`, `sweep_at`, `user name`, `$1`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- replace
UPDATE `my "own" ``schema```.`x"; DROP TABLE users; --` SET `version` = ?, `user_id` = ?, `handle` = ?, `authenticated_at` = ?, `method` = ?, `proof` = ?, `format` = ?, `da-ta ``"' ?` = ?, `created_at` = ?, `seen_at` = ?, `expires_at` = ?, `deadline_at` = ?, `idle_ms` = ?, `absolute_ms` = ?, `persistence` = ?, `device` = ?, `verifier` = ?, `sweep_at` = ?, `user name` = ?, `$1` = ? WHERE `select` = ? AND `expires_at` <= ?

-- update
UPDATE `my "own" ``schema```.`x"; DROP TABLE users; --` SET `version` = ?, `user_id` = ?, `handle` = ?, `authenticated_at` = ?, `method` = ?, `proof` = ?, `format` = ?, `da-ta ``"' ?` = ?, `created_at` = ?, `seen_at` = ?, `expires_at` = ?, `deadline_at` = ?, `idle_ms` = ?, `absolute_ms` = ?, `persistence` = ?, `device` = ?, `verifier` = ?, `sweep_at` = LEAST(`sweep_at`, ?), `user name` = ?, `$1` = ? WHERE `select` = ? AND `version` = ? AND `expires_at` > ?

-- touch
UPDATE `my "own" ``schema```.`x"; DROP TABLE users; --` SET `seen_at` = GREATEST(`seen_at`, ?), `expires_at` = GREATEST(`expires_at`, ?) WHERE `select` = ? AND `version` = ? AND `expires_at` > ?

-- rename
UPDATE `my "own" ``schema```.`x"; DROP TABLE users; --` SET `select` = ?, `version` = ?, `user_id` = ?, `handle` = ?, `authenticated_at` = ?, `method` = ?, `proof` = ?, `format` = ?, `da-ta ``"' ?` = ?, `created_at` = ?, `seen_at` = ?, `expires_at` = ?, `deadline_at` = ?, `idle_ms` = ?, `absolute_ms` = ?, `persistence` = ?, `device` = ?, `verifier` = ?, `sweep_at` = ?, `user name` = ?, `$1` = ? WHERE `select` = ? AND `version` = ? AND `expires_at` > ?

-- delete
DELETE FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `select` = ?

-- clear
DELETE FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `select` = ? AND `expires_at` <= ?

-- probe
SELECT COUNT(*) FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `select` = ? AND `expires_at` > ?

-- sweep: due
SELECT `select` FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `sweep_at` <= ? ORDER BY `sweep_at` LIMIT ? FOR UPDATE SKIP LOCKED

-- sweep: delete 1
DELETE FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `expires_at` <= ? AND `select` IN (?)

-- sweep: move 2
UPDATE `my "own" ``schema```.`x"; DROP TABLE users; --` SET `sweep_at` = `expires_at` WHERE `select` IN (?, ?)

-- begin of a range
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION

-- all


-- list
SELECT `select`, `version`, CONVERT(`user_id` USING utf8mb4), `handle`, `authenticated_at`, `method`, `proof`, `format`, `created_at`, `seen_at`, `expires_at`, `deadline_at`, `idle_ms`, `absolute_ms`, `persistence`, `device`, `verifier` FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `expires_at` > ? AND LENGTH(`verifier`) > 0 ORDER BY `select` LIMIT ?

-- list after
SELECT `select`, `version`, CONVERT(`user_id` USING utf8mb4), `handle`, `authenticated_at`, `method`, `proof`, `format`, `created_at`, `seen_at`, `expires_at`, `deadline_at`, `idle_ms`, `absolute_ms`, `persistence`, `device`, `verifier` FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `expires_at` > ? AND LENGTH(`verifier`) > 0 AND `select` > ? ORDER BY `select` LIMIT ?

-- count
SELECT COUNT(*) FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `expires_at` > ? AND LENGTH(`verifier`) > 0

-- end
DELETE FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `expires_at` > ? AND LENGTH(`verifier`) > 0;
DELETE FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `expires_at` <= ? AND LENGTH(`verifier`) > 0

-- end but one
DELETE FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `expires_at` > ? AND LENGTH(`verifier`) > 0 AND `select` <> ?;
DELETE FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `expires_at` <= ? AND LENGTH(`verifier`) > 0 AND `select` <> ?

-- user


-- list
SELECT `select`, `version`, CONVERT(`user_id` USING utf8mb4), `handle`, `authenticated_at`, `method`, `proof`, `format`, `created_at`, `seen_at`, `expires_at`, `deadline_at`, `idle_ms`, `absolute_ms`, `persistence`, `device`, `verifier` FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `expires_at` > ? AND `user_id` = ? ORDER BY `select` LIMIT ?

-- list after
SELECT `select`, `version`, CONVERT(`user_id` USING utf8mb4), `handle`, `authenticated_at`, `method`, `proof`, `format`, `created_at`, `seen_at`, `expires_at`, `deadline_at`, `idle_ms`, `absolute_ms`, `persistence`, `device`, `verifier` FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `expires_at` > ? AND `user_id` = ? AND `select` > ? ORDER BY `select` LIMIT ?

-- count
SELECT COUNT(*) FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `expires_at` > ? AND `user_id` = ?

-- end
DELETE FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `expires_at` > ? AND `user_id` = ?;
DELETE FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `expires_at` <= ? AND `user_id` = ?

-- end but one
DELETE FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `expires_at` > ? AND `user_id` = ? AND `select` <> ?;
DELETE FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `expires_at` <= ? AND `user_id` = ? AND `select` <> ?

-- session


-- list
SELECT `select`, `version`, CONVERT(`user_id` USING utf8mb4), `handle`, `authenticated_at`, `method`, `proof`, `format`, `created_at`, `seen_at`, `expires_at`, `deadline_at`, `idle_ms`, `absolute_ms`, `persistence`, `device`, `verifier` FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `expires_at` > ? AND `user_id` = ? AND `handle` = ? ORDER BY `select` LIMIT ?

-- list after
SELECT `select`, `version`, CONVERT(`user_id` USING utf8mb4), `handle`, `authenticated_at`, `method`, `proof`, `format`, `created_at`, `seen_at`, `expires_at`, `deadline_at`, `idle_ms`, `absolute_ms`, `persistence`, `device`, `verifier` FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `expires_at` > ? AND `user_id` = ? AND `handle` = ? AND `select` > ? ORDER BY `select` LIMIT ?

-- count
SELECT COUNT(*) FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `expires_at` > ? AND `user_id` = ? AND `handle` = ?

-- end
DELETE FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `expires_at` > ? AND `user_id` = ? AND `handle` = ?;
DELETE FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `expires_at` <= ? AND `user_id` = ? AND `handle` = ?

-- end but one
DELETE FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `expires_at` > ? AND `user_id` = ? AND `handle` = ? AND `select` <> ?;
DELETE FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `expires_at` <= ? AND `user_id` = ? AND `handle` = ? AND `select` <> ?

-- admission: mark
SELECT `select` FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `select` = ? AND `version` = ? AND `expires_at` > ? FOR UPDATE

-- admission: held 3
SELECT `select`, `version`, CONVERT(`user_id` USING utf8mb4), `handle`, `authenticated_at`, `method`, `proof`, `format`, `created_at`, `seen_at`, `expires_at`, `deadline_at`, `idle_ms`, `absolute_ms`, `persistence`, `device`, `verifier` FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `select` IN (?, ?, ?, ?) ORDER BY `select` FOR UPDATE

-- admission: remove 3
DELETE FROM `my "own" ``schema```.`x"; DROP TABLE users; --` WHERE `select` IN (?, ?, ?, ?)

-- question
SELECT CAST(column_name AS CHAR), CAST(column_type AS CHAR), CASE WHEN is_nullable = 'YES' THEN '1' ELSE '0' END, CASE WHEN column_default IS NOT NULL OR extra LIKE '%auto_increment%' OR extra LIKE '%GENERATED%' THEN '1' ELSE '0' END, CAST(character_set_name AS CHAR) FROM information_schema.columns WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? ORDER BY ordinal_position
-- [Some("my \"own\" `schema`"), Some("x\"; DROP TABLE users; --")]

-- question
SELECT CAST(index_name AS CHAR), CASE WHEN non_unique = 0 THEN '1' ELSE '0' END, '1', CAST(column_name AS CHAR) FROM information_schema.statistics WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? ORDER BY index_name, seq_in_index
-- [Some("my \"own\" `schema`"), Some("x\"; DROP TABLE users; --")]
