DROP TRIGGER auditor_terms_go_by_entry;
DROP TRIGGER auditor_terms_by_entry;
DROP TRIGGER auditor_terms_no_update;
