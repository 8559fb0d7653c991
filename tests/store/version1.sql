-- A file of schema version 1 with a row of everything. Never changed: later versions have to open it.
BEGIN TRANSACTION;
CREATE TABLE boards (
        rollout TEXT NOT NULL,
        stage TEXT NOT NULL,
        board TEXT NOT NULL,
        PRIMARY KEY (rollout, stage)
    ) STRICT, WITHOUT ROWID;
INSERT INTO "boards" VALUES('ROLLOUT-20260302-1','1%','{"@":"Board/1","rollout":"ROLLOUT-20260302-1","stage":"1%","generation":3,"started_at":1772000000.0,"baked":0.0,"last_at":null,"blind_since":null,"blind_total":0.0,"gates":[{"@":"GateResult/1","text":"error_rate < 5%","metric":"error_rate","verdict":"not_enough_data","canary":1.5,"stable":null,"samples":null,"readings":0,"error":""}],"triggers":[],"share":null}');
CREATE TABLE causes (
        cause TEXT NOT NULL PRIMARY KEY,
        stream TEXT NOT NULL,
        at REAL NOT NULL
    ) STRICT, WITHOUT ROWID;
INSERT INTO "causes" VALUES('c','shop',1772000000.0);
CREATE TABLE effects (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL,
        stream TEXT NOT NULL,
        lane TEXT NOT NULL,
        kind TEXT NOT NULL,
        priority INTEGER NOT NULL,
        effect TEXT NOT NULL,
        coalesce INTEGER NOT NULL CHECK (coalesce IN (0, 1)),
        added_at REAL NOT NULL,
        ready_at REAL NOT NULL,
        state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'claimed', 'done', 'failed')),
        owner TEXT NOT NULL DEFAULT '',
        attempts INTEGER NOT NULL DEFAULT 0,
        error TEXT NOT NULL DEFAULT ''
    ) STRICT;
INSERT INTO "effects" VALUES(1,'shift:R:1','shop','fleet','ShiftTraffic',10,'{"@":"ShiftTraffic/1","rollout":"R","stage":"1%","generation":1}',0,1772000000.0,0.0,'pending','',0,'');
INSERT INTO "effects" VALUES(2,'card:R','shop','card','ShowCard',50,'{"@":"ShowCard/1","rollout":"R"}',1,1772000000.0,0.0,'pending','',0,'');
CREATE TABLE events (
        stream TEXT NOT NULL,
        seq INTEGER NOT NULL CHECK (seq > 0),
        at REAL NOT NULL,
        cause TEXT,
        event TEXT NOT NULL,
        PRIMARY KEY (stream, seq)
    ) STRICT, WITHOUT ROWID;
INSERT INTO "events" VALUES('shop',1,1772000000.0,'c','{"@":"NoteAdded/1","by":"U1","text":"a","stage":"1%","at":1772000000.0}');
INSERT INTO "events" VALUES('shop',2,1772000000.0,'c','{"@":"NoteAdded/1","by":"U1","text":"b","stage":"1%","at":1772000000.0}');
INSERT INTO "events" VALUES('shop',3,1772000000.0,NULL,'{"@":"NoteAdded/1","by":"U1","text":"c","stage":"1%","at":1772000000.0}');
CREATE TABLE measurements (
        id INTEGER PRIMARY KEY,
        rollout TEXT NOT NULL,
        stage TEXT NOT NULL,
        metric TEXT NOT NULL,
        pool TEXT NOT NULL,
        value REAL,
        error TEXT NOT NULL,
        at REAL NOT NULL
    ) STRICT;
INSERT INTO "measurements" VALUES(1,'ROLLOUT-20260302-1','1%','error_rate','canary',1.5,'',1772000000.0);
CREATE TABLE messages (
        added INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        channel TEXT NOT NULL,
        ts TEXT NOT NULL,
        digest TEXT NOT NULL
    ) STRICT;
INSERT INTO "messages" VALUES(1,'k','C1','1.1','d');
CREATE TABLE rollouts (
        added INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        stream TEXT NOT NULL,
        service TEXT NOT NULL,
        day TEXT,
        number INTEGER,
        started_at REAL NOT NULL,
        rollout TEXT NOT NULL
    ) STRICT;
INSERT INTO "rollouts" VALUES(1,'ROLLOUT-20260302-1','shop','shop','20260302',1,1772000000.0,'{"@":"Rollout/1","id":"ROLLOUT-20260302-1","service":"shop","version":"1.10","stable_version":"1.9","stable":["10.0.0.1:80"],"canary":["10.0.0.2:80","10.0.0.3:80"],"salt":"s","initiator":"U1","reason":"灰度 发布","plan_hash":"h","started_at":1772000000.0,"status":"baking","stage":"1%","stages":[],"approval":null,"generation":0,"live_generation":0,"live_stage":"","hold":null,"hold_detail":"","paused_by":"","bake_started_at":null,"prolonged":false,"blind_told":false,"drift":[],"adopted":[],"rollback":null,"watch_until":null,"finished_at":null,"notes":[]}');
CREATE TABLE snapshots (
        stream TEXT NOT NULL PRIMARY KEY,
        seq INTEGER NOT NULL,
        state TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
INSERT INTO "snapshots" VALUES('shop',2,'{"@":"ServiceState/1","service":"shop","seq":2,"generation":2,"rollout":{"@":"Rollout/1","id":"ROLLOUT-20260302-1","service":"shop","version":"1.10","stable_version":"1.9","stable":["10.0.0.1:80"],"canary":["10.0.0.2:80","10.0.0.3:80"],"salt":"s","initiator":"U1","reason":"灰度 发布","plan_hash":"h","started_at":1772000000.0,"status":"baking","stage":"1%","stages":[],"approval":null,"generation":0,"live_generation":0,"live_stage":"","hold":null,"hold_detail":"","paused_by":"","bake_started_at":null,"prolonged":false,"blind_told":false,"drift":[],"adopted":[],"rollback":null,"watch_until":null,"finished_at":null,"notes":[]},"serving_version":null,"serving":["10.0.0.1:80"],"live_generation":0,"hosts":[]}');
CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
        BEGIN SELECT raise(ABORT, 'events are never changed'); END;
CREATE TRIGGER events_are_never_dropped BEFORE DELETE ON events
        BEGIN SELECT raise(ABORT, 'events are never dropped'); END;
CREATE INDEX causes_by_age ON causes (at);
CREATE INDEX effects_by_key ON effects (key);
CREATE UNIQUE INDEX effects_once ON effects (key) WHERE coalesce = 0;
CREATE UNIQUE INDEX effects_waiting_once ON effects (key) WHERE state = 'pending';
CREATE INDEX effects_open ON effects (priority, id) WHERE state IN ('pending', 'claimed');
CREATE INDEX effects_claimed ON effects (lane, ready_at) WHERE state = 'claimed';
CREATE INDEX measurements_by_rollout ON measurements (rollout, at);
CREATE INDEX measurements_by_age ON measurements (at);
CREATE INDEX rollouts_by_start ON rollouts (started_at, added);
CREATE INDEX rollouts_by_service ON rollouts (service, started_at, added);
CREATE INDEX rollouts_by_day ON rollouts (day, number);
CREATE TRIGGER rollouts_stay_with_their_service BEFORE UPDATE ON rollouts
        WHEN NEW.stream IS NOT OLD.stream OR NEW.service IS NOT OLD.service
        BEGIN SELECT raise(ABORT, 'a rollout belongs to one service'); END;
CREATE INDEX messages_by_place ON messages (channel, ts);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('effects',2);
COMMIT;
PRAGMA user_version = 1;
