CREATE TRIGGER evidence_files_fixed BEFORE UPDATE OF digest, media_type, bytes ON evidence_files
BEGIN SELECT RAISE(ABORT, 'a file never changes'); END;
CREATE TRIGGER evidence_files_erased BEFORE UPDATE ON evidence_files
WHEN OLD.erased_seq IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'an erased file stays erased'); END;
CREATE TRIGGER evidence_files_no_delete BEFORE DELETE ON evidence_files
BEGIN SELECT RAISE(ABORT, 'a file never changes'); END;
CREATE TRIGGER evidence_files_no_replace BEFORE INSERT ON evidence_files
WHEN EXISTS (SELECT 1 FROM evidence_files WHERE digest = NEW.digest)
BEGIN SELECT RAISE(ABORT, 'a file never changes'); END;
CREATE TRIGGER evidence_uses_no_update BEFORE UPDATE ON evidence_uses
BEGIN SELECT RAISE(ABORT, 'evidence never changes'); END;
CREATE TRIGGER evidence_uses_no_delete BEFORE DELETE ON evidence_uses
BEGIN SELECT RAISE(ABORT, 'evidence never changes'); END;
CREATE TRIGGER evidence_uses_no_replace BEFORE INSERT ON evidence_uses
WHEN EXISTS (
  SELECT 1 FROM evidence_uses
  WHERE id = NEW.id OR (seq = NEW.seq AND place = NEW.place)
)
BEGIN SELECT RAISE(ABORT, 'evidence never changes'); END;
