DROP TRIGGER evidence_uses_no_replace;
DROP TRIGGER evidence_uses_no_delete;
DROP TRIGGER evidence_uses_no_update;
DROP TRIGGER evidence_files_no_replace;
DROP TRIGGER evidence_files_no_delete;
DROP TRIGGER evidence_files_erased;
DROP TRIGGER evidence_files_fixed;
