-- Several files of one owner may share a blob.
CREATE TABLE files_shared (
    id      TEXT    NOT NULL PRIMARY KEY,
    owner   TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    media   TEXT,
    size    INTEGER NOT NULL,
    digest  TEXT    NOT NULL,
    blob    TEXT    NOT NULL,
    created INTEGER NOT NULL
) STRICT;
INSERT INTO files_shared SELECT id, owner, name, media, size, digest, blob, created FROM files;
DROP TABLE files;
ALTER TABLE files_shared RENAME TO files;
CREATE INDEX files_newest ON files (owner, created DESC, id);
CREATE INDEX files_size   ON files (owner, blob, size);
CREATE INDEX files_digest ON files (owner, digest);
CREATE INDEX files_blob   ON files (blob);

-- What processing made of a file. Times are in milliseconds; `extra` is JSON.
CREATE TABLE parts (
    file     TEXT    NOT NULL REFERENCES files (id) ON DELETE CASCADE,
    name     TEXT    NOT NULL,
    owner    TEXT    NOT NULL,
    media    TEXT    NOT NULL,
    size     INTEGER NOT NULL,
    digest   TEXT    NOT NULL,
    blob     TEXT    NOT NULL,
    width    INTEGER,
    height   INTEGER,
    duration INTEGER,
    extra    TEXT,
    created  INTEGER NOT NULL,
    PRIMARY KEY (file, name)
) STRICT;
CREATE INDEX parts_size ON parts (owner, size);
CREATE INDEX parts_blob ON parts (blob);

-- `quota` is what the owner of the file could keep when it was stored, where a token gave that; NULL is the configuration's.
CREATE TABLE jobs (
    id          TEXT    NOT NULL PRIMARY KEY,
    file        TEXT    NOT NULL REFERENCES files (id) ON DELETE CASCADE,
    owner       TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('queued', 'running', 'completed', 'failed', 'canceled')),
    attempts    INTEGER NOT NULL DEFAULT 0,
    progress    INTEGER NOT NULL DEFAULT 0,
    code        TEXT,
    reason      TEXT,
    stage       TEXT,
    quota       INTEGER,
    run_after   INTEGER NOT NULL,
    lease       TEXT,
    lease_until INTEGER,
    worker      TEXT,
    created     INTEGER NOT NULL,
    started     INTEGER,
    finished    INTEGER
) STRICT;
CREATE INDEX jobs_due ON jobs (state, run_after);
CREATE INDEX jobs_owner ON jobs (state, owner, run_after, id);
CREATE UNIQUE INDEX jobs_file ON jobs (file, kind);

-- Where the checked part of a stream begins whose bytes are not proven yet; where in its blob a stream to a client begins, and
-- how large that blob is; what the door that opened the stream remembers of it.
ALTER TABLE streams ADD COLUMN part  INTEGER;
ALTER TABLE streams ADD COLUMN start INTEGER NOT NULL DEFAULT 0;
ALTER TABLE streams ADD COLUMN held  INTEGER;
ALTER TABLE streams ADD COLUMN note  TEXT;
UPDATE streams SET held = size WHERE direction = 'out';
