CREATE TRIGGER vendor_changes_fixed BEFORE UPDATE OF
id, vendor_id, area, effective_on, reported_by, reported_seq, reported_at ON vendor_changes
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('what was reported of a vendor never changes');
CREATE TRIGGER vendor_changes_stay BEFORE DELETE ON vendor_changes
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a change at a vendor stays');
CREATE TRIGGER vendor_changes_kept BEFORE TRUNCATE ON vendor_changes
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a change at a vendor stays');
ALTER TABLE vendor_changes ENABLE ALWAYS TRIGGER vendor_changes_fixed;
ALTER TABLE vendor_changes ENABLE ALWAYS TRIGGER vendor_changes_stay;
ALTER TABLE vendor_changes ENABLE ALWAYS TRIGGER vendor_changes_kept;
CREATE TRIGGER vendor_change_cases_fixed BEFORE UPDATE OF change_id, record_id
ON vendor_change_cases
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('what depends on a changed vendor stays');
CREATE TRIGGER vendor_change_cases_stay BEFORE DELETE ON vendor_change_cases
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('what depends on a changed vendor stays');
CREATE TRIGGER vendor_change_cases_kept BEFORE TRUNCATE ON vendor_change_cases
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('what depends on a changed vendor stays');
ALTER TABLE vendor_change_cases ENABLE ALWAYS TRIGGER vendor_change_cases_fixed;
ALTER TABLE vendor_change_cases ENABLE ALWAYS TRIGGER vendor_change_cases_stay;
ALTER TABLE vendor_change_cases ENABLE ALWAYS TRIGGER vendor_change_cases_kept;
