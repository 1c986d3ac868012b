-- With a million grants and a hundred thousand clients, nothing on a request's way reads all of them.

-- A client's grants, the newest first.
DROP INDEX grants_by_client;
CREATE INDEX grants_by_client ON grants (client_id, created_at, id);

-- Who was used longest ago, and who was never used.
DROP INDEX clients_dynamic;
CREATE INDEX clients_by_last_use ON clients (coalesce(last_used_at, registered_at)) WHERE dynamic;
CREATE INDEX clients_unused ON clients (registered_at) WHERE dynamic AND activated_at IS NULL;
-- The few that the operator knows.
CREATE INDEX clients_configured ON clients (id) WHERE NOT dynamic;

-- What was allowed and has no tokens yet.
CREATE INDEX codes_open ON codes (client_id, user_id) WHERE redeemed_at IS NULL;
CREATE INDEX devices_open ON devices (client_id, allowed_by) WHERE redeemed_at IS NULL;
CREATE INDEX pushed_requests_by_client ON pushed_requests (client_id);

-- How many there are of what is bounded, so that nobody counts them at each insertion.
CREATE TABLE totals (
    name  TEXT PRIMARY KEY,
    count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO totals (name, count) VALUES
    ('clients', (SELECT count(*) FROM clients WHERE dynamic)),
    ('devices', (SELECT count(*) FROM devices)),
    ('login_attempts', (SELECT count(*) FROM login_attempts)),
    ('pushed_requests', (SELECT count(*) FROM pushed_requests));

CREATE TRIGGER clients_counted_in AFTER INSERT ON clients WHEN new.dynamic BEGIN
    UPDATE totals SET count = count + 1 WHERE name = 'clients';
END;
CREATE TRIGGER clients_counted_out AFTER DELETE ON clients WHEN old.dynamic BEGIN
    UPDATE totals SET count = count - 1 WHERE name = 'clients';
END;
CREATE TRIGGER clients_counted_anew AFTER UPDATE OF dynamic ON clients WHEN new.dynamic <> old.dynamic BEGIN
    UPDATE totals SET count = count + new.dynamic - old.dynamic WHERE name = 'clients';
END;
CREATE TRIGGER devices_counted_in AFTER INSERT ON devices BEGIN
    UPDATE totals SET count = count + 1 WHERE name = 'devices';
END;
CREATE TRIGGER devices_counted_out AFTER DELETE ON devices BEGIN
    UPDATE totals SET count = count - 1 WHERE name = 'devices';
END;
CREATE TRIGGER login_attempts_counted_in AFTER INSERT ON login_attempts BEGIN
    UPDATE totals SET count = count + 1 WHERE name = 'login_attempts';
END;
CREATE TRIGGER login_attempts_counted_out AFTER DELETE ON login_attempts BEGIN
    UPDATE totals SET count = count - 1 WHERE name = 'login_attempts';
END;
CREATE TRIGGER pushed_requests_counted_in AFTER INSERT ON pushed_requests BEGIN
    UPDATE totals SET count = count + 1 WHERE name = 'pushed_requests';
END;
CREATE TRIGGER pushed_requests_counted_out AFTER DELETE ON pushed_requests BEGIN
    UPDATE totals SET count = count - 1 WHERE name = 'pushed_requests';
END;
