-- How many logins are on their way through identity providers, so that nobody counts them at each.
INSERT INTO totals (name, count) VALUES ('upstream_logins', (SELECT count(*) FROM upstream_logins));

CREATE TRIGGER upstream_logins_counted_in AFTER INSERT ON upstream_logins BEGIN
    UPDATE totals SET count = count + 1 WHERE name = 'upstream_logins';
END;
CREATE TRIGGER upstream_logins_counted_out AFTER DELETE ON upstream_logins BEGIN
    UPDATE totals SET count = count - 1 WHERE name = 'upstream_logins';
END;
