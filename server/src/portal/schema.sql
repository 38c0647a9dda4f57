-- Libraries with their members, and the portal views in them. A number is never given twice, so that the room of a view that is
-- gone can never become that of another.
CREATE TABLE libraries (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    name    TEXT    NOT NULL,
    created INTEGER NOT NULL
) STRICT;

CREATE TABLE library_members (
    library INTEGER NOT NULL REFERENCES libraries (id) ON DELETE CASCADE,
    user    TEXT    NOT NULL,
    role    TEXT    NOT NULL CHECK (role IN ('OWNER', 'EDITOR', 'VIEWER')),
    since   INTEGER NOT NULL,
    PRIMARY KEY (library, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX library_members_user ON library_members (user, library);

CREATE TABLE portal_views (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    library      INTEGER NOT NULL REFERENCES libraries (id) ON DELETE CASCADE,
    name         TEXT    NOT NULL,
    current_item INTEGER,
    show_health  INTEGER NOT NULL,
    settings     TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    next_item    INTEGER NOT NULL,
    created      INTEGER NOT NULL,
    updated      INTEGER NOT NULL
) STRICT;
CREATE INDEX portal_views_library ON portal_views (library, id);

CREATE TABLE portal_items (
    view     INTEGER NOT NULL REFERENCES portal_views (id) ON DELETE CASCADE,
    id       INTEGER NOT NULL,
    title    TEXT    NOT NULL,
    media    TEXT,
    position INTEGER NOT NULL,
    health   INTEGER,
    data     TEXT    NOT NULL,
    PRIMARY KEY (view, id)
) STRICT, WITHOUT ROWID;
