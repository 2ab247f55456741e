DROP TRIGGER evidence_uses_kept ON evidence_uses;
DROP TRIGGER evidence_uses_fixed ON evidence_uses;
DROP TRIGGER evidence_files_kept ON evidence_files;
DROP TRIGGER evidence_files_fixed ON evidence_files;
