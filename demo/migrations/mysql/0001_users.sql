-- email is as it was typed; email_key is the same for all ways of typing it, and belongs to one user.
-- Times are milliseconds since 1970 in UTC. Lower case may be longer than what was typed.
CREATE TABLE users (
    id            VARCHAR(22)  CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL PRIMARY KEY,
    name          VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    email         VARCHAR(254) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    email_key     VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL UNIQUE,
    password_hash VARCHAR(512) CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    upgrade_link  VARCHAR(64)  CHARACTER SET ascii   COLLATE ascii_bin,
    disabled_at   BIGINT,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
) ENGINE = InnoDB;
