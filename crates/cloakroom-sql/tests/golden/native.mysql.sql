-- ddl
CREATE TABLE IF NOT EXISTS `sessions` (
  `key` VARBINARY(255) NOT NULL PRIMARY KEY,
  `version` BIGINT NOT NULL,
  `user_id` VARBINARY(255),
  `handle` VARBINARY(255),
  `authenticated_at` BIGINT,
  `method` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin,
  `proof` VARBINARY(255),
  `format` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `data` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
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
  KEY `sessions_user_idx` (`user_id`, `key`),
  KEY `sessions_sweep_idx` (`sweep_at`)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- around ddl
(["START TRANSACTION"], "COMMIT")

-- begin
SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION

-- load 3
SELECT `key`, `version`, CONVERT(`user_id` USING utf8mb4), `handle`, `authenticated_at`, `method`, `proof`, `format`, `created_at`, `seen_at`, `expires_at`, `deadline_at`, `idle_ms`, `absolute_ms`, `persistence`, `device`, `verifier`, `data` FROM `sessions` WHERE `key` IN (?, ?, ?, ?)

-- insert
INSERT INTO `sessions` (`key`, `version`, `user_id`, `handle`, `authenticated_at`, `method`, `proof`, `format`, `data`, `created_at`, `seen_at`, `expires_at`, `deadline_at`, `idle_ms`, `absolute_ms`, `persistence`, `device`, `verifier`, `sweep_at`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- replace
UPDATE `sessions` SET `version` = ?, `user_id` = ?, `handle` = ?, `authenticated_at` = ?, `method` = ?, `proof` = ?, `format` = ?, `data` = ?, `created_at` = ?, `seen_at` = ?, `expires_at` = ?, `deadline_at` = ?, `idle_ms` = ?, `absolute_ms` = ?, `persistence` = ?, `device` = ?, `verifier` = ?, `sweep_at` = ? WHERE `key` = ? AND `expires_at` <= ?

-- update
UPDATE `sessions` SET `version` = ?, `user_id` = ?, `handle` = ?, `authenticated_at` = ?, `method` = ?, `proof` = ?, `format` = ?, `data` = ?, `created_at` = ?, `seen_at` = ?, `expires_at` = ?, `deadline_at` = ?, `idle_ms` = ?, `absolute_ms` = ?, `persistence` = ?, `device` = ?, `verifier` = ?, `sweep_at` = LEAST(`sweep_at`, ?) WHERE `key` = ? AND `version` = ? AND `expires_at` > ?

-- touch
UPDATE `sessions` SET `seen_at` = GREATEST(`seen_at`, ?), `expires_at` = GREATEST(`expires_at`, ?) WHERE `key` = ? AND `version` = ? AND `expires_at` > ?

-- rename
UPDATE `sessions` SET `key` = ?, `version` = ?, `user_id` = ?, `handle` = ?, `authenticated_at` = ?, `method` = ?, `proof` = ?, `format` = ?, `data` = ?, `created_at` = ?, `seen_at` = ?, `expires_at` = ?, `deadline_at` = ?, `idle_ms` = ?, `absolute_ms` = ?, `persistence` = ?, `device` = ?, `verifier` = ?, `sweep_at` = ? WHERE `key` = ? AND `version` = ? AND `expires_at` > ?

-- delete
DELETE FROM `sessions` WHERE `key` = ?

-- clear
DELETE FROM `sessions` WHERE `key` = ? AND `expires_at` <= ?

-- probe
SELECT COUNT(*) FROM `sessions` WHERE `key` = ? AND `expires_at` > ?

-- sweep: due
SELECT `key` FROM `sessions` WHERE `sweep_at` <= ? ORDER BY `sweep_at` LIMIT ? FOR UPDATE SKIP LOCKED

-- sweep: delete 1
DELETE FROM `sessions` WHERE `expires_at` <= ? AND `key` IN (?)

-- sweep: move 2
UPDATE `sessions` SET `sweep_at` = `expires_at` WHERE `key` IN (?, ?)

-- begin of a range
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION

-- all


-- list
SELECT `key`, `version`, CONVERT(`user_id` USING utf8mb4), `handle`, `authenticated_at`, `method`, `proof`, `format`, `created_at`, `seen_at`, `expires_at`, `deadline_at`, `idle_ms`, `absolute_ms`, `persistence`, `device`, `verifier` FROM `sessions` WHERE `expires_at` > ? AND LENGTH(`verifier`) > 0 ORDER BY `key` LIMIT ?

-- list after
SELECT `key`, `version`, CONVERT(`user_id` USING utf8mb4), `handle`, `authenticated_at`, `method`, `proof`, `format`, `created_at`, `seen_at`, `expires_at`, `deadline_at`, `idle_ms`, `absolute_ms`, `persistence`, `device`, `verifier` FROM `sessions` WHERE `expires_at` > ? AND LENGTH(`verifier`) > 0 AND `key` > ? ORDER BY `key` LIMIT ?

-- count
SELECT COUNT(*) FROM `sessions` WHERE `expires_at` > ? AND LENGTH(`verifier`) > 0

-- end
DELETE FROM `sessions` WHERE `expires_at` > ? AND LENGTH(`verifier`) > 0;
DELETE FROM `sessions` WHERE `expires_at` <= ? AND LENGTH(`verifier`) > 0

-- end but one
DELETE FROM `sessions` WHERE `expires_at` > ? AND LENGTH(`verifier`) > 0 AND `key` <> ?;
DELETE FROM `sessions` WHERE `expires_at` <= ? AND LENGTH(`verifier`) > 0 AND `key` <> ?

-- user


-- list
SELECT `key`, `version`, CONVERT(`user_id` USING utf8mb4), `handle`, `authenticated_at`, `method`, `proof`, `format`, `created_at`, `seen_at`, `expires_at`, `deadline_at`, `idle_ms`, `absolute_ms`, `persistence`, `device`, `verifier` FROM `sessions` WHERE `expires_at` > ? AND `user_id` = ? ORDER BY `key` LIMIT ?

-- list after
SELECT `key`, `version`, CONVERT(`user_id` USING utf8mb4), `handle`, `authenticated_at`, `method`, `proof`, `format`, `created_at`, `seen_at`, `expires_at`, `deadline_at`, `idle_ms`, `absolute_ms`, `persistence`, `device`, `verifier` FROM `sessions` WHERE `expires_at` > ? AND `user_id` = ? AND `key` > ? ORDER BY `key` LIMIT ?

-- count
SELECT COUNT(*) FROM `sessions` WHERE `expires_at` > ? AND `user_id` = ?

-- end
DELETE FROM `sessions` WHERE `expires_at` > ? AND `user_id` = ?;
DELETE FROM `sessions` WHERE `expires_at` <= ? AND `user_id` = ?

-- end but one
DELETE FROM `sessions` WHERE `expires_at` > ? AND `user_id` = ? AND `key` <> ?;
DELETE FROM `sessions` WHERE `expires_at` <= ? AND `user_id` = ? AND `key` <> ?

-- session


-- list
SELECT `key`, `version`, CONVERT(`user_id` USING utf8mb4), `handle`, `authenticated_at`, `method`, `proof`, `format`, `created_at`, `seen_at`, `expires_at`, `deadline_at`, `idle_ms`, `absolute_ms`, `persistence`, `device`, `verifier` FROM `sessions` WHERE `expires_at` > ? AND `user_id` = ? AND `handle` = ? ORDER BY `key` LIMIT ?

-- list after
SELECT `key`, `version`, CONVERT(`user_id` USING utf8mb4), `handle`, `authenticated_at`, `method`, `proof`, `format`, `created_at`, `seen_at`, `expires_at`, `deadline_at`, `idle_ms`, `absolute_ms`, `persistence`, `device`, `verifier` FROM `sessions` WHERE `expires_at` > ? AND `user_id` = ? AND `handle` = ? AND `key` > ? ORDER BY `key` LIMIT ?

-- count
SELECT COUNT(*) FROM `sessions` WHERE `expires_at` > ? AND `user_id` = ? AND `handle` = ?

-- end
DELETE FROM `sessions` WHERE `expires_at` > ? AND `user_id` = ? AND `handle` = ?;
DELETE FROM `sessions` WHERE `expires_at` <= ? AND `user_id` = ? AND `handle` = ?

-- end but one
DELETE FROM `sessions` WHERE `expires_at` > ? AND `user_id` = ? AND `handle` = ? AND `key` <> ?;
DELETE FROM `sessions` WHERE `expires_at` <= ? AND `user_id` = ? AND `handle` = ? AND `key` <> ?

-- admission: mark
SELECT `key` FROM `sessions` WHERE `key` = ? AND `version` = ? AND `expires_at` > ? FOR UPDATE

-- admission: held 3
SELECT `key`, `version`, CONVERT(`user_id` USING utf8mb4), `handle`, `authenticated_at`, `method`, `proof`, `format`, `created_at`, `seen_at`, `expires_at`, `deadline_at`, `idle_ms`, `absolute_ms`, `persistence`, `device`, `verifier` FROM `sessions` WHERE `key` IN (?, ?, ?, ?) ORDER BY `key` FOR UPDATE

-- admission: remove 3
DELETE FROM `sessions` WHERE `key` IN (?, ?, ?, ?)

-- question
SELECT CAST(column_name AS CHAR), CAST(column_type AS CHAR), CASE WHEN is_nullable = 'YES' THEN '1' ELSE '0' END, CASE WHEN column_default IS NOT NULL OR extra LIKE '%auto_increment%' OR extra LIKE '%GENERATED%' THEN '1' ELSE '0' END, CAST(character_set_name AS CHAR) FROM information_schema.columns WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? ORDER BY ordinal_position
-- [None, Some("sessions")]

-- question
SELECT CAST(index_name AS CHAR), CASE WHEN non_unique = 0 THEN '1' ELSE '0' END, '1', CAST(column_name AS CHAR) FROM information_schema.statistics WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? ORDER BY index_name, seq_in_index
-- [None, Some("sessions")]
