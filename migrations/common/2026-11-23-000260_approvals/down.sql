DROP INDEX records_standing;
DROP INDEX conditions_due;
DROP INDEX reviews_override;
ALTER TABLE reviews DROP COLUMN override_until;
