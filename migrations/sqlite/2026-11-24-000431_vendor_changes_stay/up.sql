CREATE TRIGGER vendor_changes_no_update BEFORE UPDATE OF
id, vendor_id, area, effective_on, reported_by, reported_seq, reported_at ON vendor_changes
BEGIN SELECT RAISE(ABORT, 'what was reported of a vendor never changes'); END;
CREATE TRIGGER vendor_changes_no_delete BEFORE DELETE ON vendor_changes
BEGIN SELECT RAISE(ABORT, 'a change at a vendor stays'); END;
CREATE TRIGGER vendor_changes_no_replace BEFORE INSERT ON vendor_changes
WHEN EXISTS (SELECT 1 FROM vendor_changes WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'what was reported of a vendor never changes'); END;
CREATE TRIGGER vendor_change_cases_no_update BEFORE UPDATE OF change_id, record_id
ON vendor_change_cases
BEGIN SELECT RAISE(ABORT, 'what depends on a changed vendor stays'); END;
CREATE TRIGGER vendor_change_cases_no_delete BEFORE DELETE ON vendor_change_cases
BEGIN SELECT RAISE(ABORT, 'what depends on a changed vendor stays'); END;
CREATE TRIGGER vendor_change_cases_no_replace BEFORE INSERT ON vendor_change_cases
WHEN EXISTS (SELECT 1 FROM vendor_change_cases
  WHERE change_id = NEW.change_id AND record_id = NEW.record_id)
BEGIN SELECT RAISE(ABORT, 'what depends on a changed vendor stays'); END;
