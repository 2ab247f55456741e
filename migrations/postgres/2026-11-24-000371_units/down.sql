DROP INDEX revisions_unit;
