DROP INDEX outbox_task;
ALTER TABLE outbox DROP COLUMN held;
DROP TABLE person_links;
DROP TABLE unreachable_people;
ALTER TABLE people DROP COLUMN digest;
