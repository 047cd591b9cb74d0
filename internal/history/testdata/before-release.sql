-- A history as version 1 wrote it. It stays as it is when the schema changes.
BEGIN TRANSACTION;
CREATE TABLE answers (
	id   INTEGER PRIMARY KEY,
	body BLOB NOT NULL
) STRICT;
INSERT INTO "answers" VALUES(1,X'6F6F7073');
CREATE TABLE attempts (
	event       INTEGER NOT NULL,
	seq         INTEGER NOT NULL,
	n           INTEGER NOT NULL,
	target      TEXT NOT NULL,
	started_at  INTEGER,
	duration_ns INTEGER NOT NULL,
	status      INTEGER NOT NULL,
	err         TEXT NOT NULL,
	body_cut    INTEGER NOT NULL,
	body        BLOB,
	answer      INTEGER,
	header      TEXT,
	PRIMARY KEY (event, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO "attempts" VALUES(2,1,1,'http://127.0.0.1:7860',1767323046000000000,2500,500,'the body broke off',1,NULL,1,'[["Server","uvicorn"]]');
CREATE TABLE bodies (
	n    INTEGER PRIMARY KEY,
	body BLOB NOT NULL
) STRICT;
INSERT INTO "bodies" VALUES(1,X'00FF20626F6479');
INSERT INTO "bodies" VALUES(2,X'00FF20626F6479');
CREATE TABLE counters (
	id  INTEGER PRIMARY KEY CHECK (id = 1),
	n   INTEGER NOT NULL,
	rev INTEGER NOT NULL
) STRICT;
INSERT INTO "counters" VALUES(1,2,5);
CREATE TABLE events (
	n             INTEGER PRIMARY KEY,
	rev           INTEGER NOT NULL,
	session       TEXT NOT NULL,
	source        TEXT NOT NULL,
	replay_of     INTEGER NOT NULL,
	root          INTEGER NOT NULL,
	webhook_id    TEXT NOT NULL,
	delivery      TEXT NOT NULL,
	delivery_n    INTEGER NOT NULL,
	kind          TEXT NOT NULL,
	repo_type     TEXT NOT NULL,
	repo_name     TEXT NOT NULL,
	received_at   INTEGER,
	verdict       TEXT NOT NULL,
	phase         TEXT NOT NULL,
	answer_status INTEGER NOT NULL,
	answer_ns     INTEGER NOT NULL,
	tries         INTEGER NOT NULL,
	failed        INTEGER NOT NULL,
	size          INTEGER NOT NULL,
	body_cut      INTEGER NOT NULL,
	method        TEXT NOT NULL,
	path          TEXT NOT NULL,
	targets       TEXT,
	header        TEXT
) STRICT;
INSERT INTO "events" VALUES(1,1,'5e55','hub',0,0,'65a1f0c2d4e5b6a7c8d9e0f1','msg_1',1,'repo.content.update','model','me/m',1767323045000000006,'ok','settled',200,1500,0,0,7,0,'POST','/hf-tap/0123','["http://127.0.0.1:7860"]','[["Content-Type","application/json"],["X-Odd",{"base64":"/w=="},"é"]]');
INSERT INTO "events" VALUES(2,5,'5e55','hub',0,0,'65a1f0c2d4e5b6a7c8d9e0f1','msg_1',2,'repo.content.update','model','me/m',1767323045000000006,'ok','pending',200,1500,1,1,7,0,'POST','/hf-tap/0123','["http://127.0.0.1:7860"]','[["Content-Type","application/json"],["X-Odd",{"base64":"/w=="},"é"]]');
CREATE TABLE sessions (
	id         TEXT PRIMARY KEY,
	started_at INTEGER,
	ended_at   INTEGER,
	pid        INTEGER NOT NULL,
	endpoint   TEXT NOT NULL,
	user       TEXT NOT NULL,
	url        TEXT NOT NULL
) STRICT;
INSERT INTO "sessions" VALUES('5e55',1767323045000000000,1767326400000000000,42,'https://huggingface.co','me','https://t.example/hf-tap/0123');
CREATE TABLE states (
	session TEXT NOT NULL,
	rev     INTEGER NOT NULL,
	at      INTEGER,
	subject TEXT NOT NULL,
	name    TEXT NOT NULL,
	state   TEXT NOT NULL,
	detail  TEXT NOT NULL,
	PRIMARY KEY (session, rev)
) STRICT, WITHOUT ROWID;
INSERT INTO "states" VALUES('5e55',3,1767323045000000007,'tunnel','https://t.example','down','reset');
CREATE INDEX sessions_by_start ON sessions (started_at);
CREATE INDEX events_by_rev ON events (session, rev, phase);
CREATE INDEX events_by_delivery ON events (delivery, webhook_id, delivery_n) WHERE delivery <> '';
CREATE INDEX events_left ON events (phase) WHERE phase IN ('waiting', 'pending');
CREATE INDEX events_failed ON events (failed) WHERE failed = 1;
CREATE INDEX events_by_root ON events (root) WHERE root <> 0;
COMMIT;
PRAGMA application_id = 1751544944;
PRAGMA user_version = 1;
