DROP TRIGGER auditor_terms_kept ON auditor_terms;
DROP TRIGGER auditor_terms_go_by_entry ON auditor_terms;
DROP TRIGGER auditor_terms_by_entry ON auditor_terms;
DROP TRIGGER auditor_terms_fixed ON auditor_terms;
DROP FUNCTION countersign_appointment_goes;
DROP FUNCTION countersign_appointed_by_entry;
