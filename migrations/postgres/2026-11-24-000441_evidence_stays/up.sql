CREATE TRIGGER evidence_files_fixed BEFORE DELETE OR UPDATE OF digest, media_type, bytes ON evidence_files
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a file never changes');
CREATE TRIGGER evidence_files_kept BEFORE TRUNCATE ON evidence_files
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a file never changes');
ALTER TABLE evidence_files ENABLE ALWAYS TRIGGER evidence_files_fixed;
ALTER TABLE evidence_files ENABLE ALWAYS TRIGGER evidence_files_kept;
CREATE TRIGGER evidence_uses_fixed BEFORE DELETE OR UPDATE ON evidence_uses
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('evidence never changes');
CREATE TRIGGER evidence_uses_kept BEFORE TRUNCATE ON evidence_uses
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('evidence never changes');
ALTER TABLE evidence_uses ENABLE ALWAYS TRIGGER evidence_uses_fixed;
ALTER TABLE evidence_uses ENABLE ALWAYS TRIGGER evidence_uses_kept;
