DROP TABLE absences;
DROP INDEX people_name;
DROP INDEX people_manager;
ALTER TABLE people DROP COLUMN left_at;
ALTER TABLE people DROP COLUMN manager_id;
