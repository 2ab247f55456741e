//! Every mail there is, and how it is treated: what it waits for, and whether one may do without.

/// What a mail waits for before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// Nothing: somebody waits for it, or did this just now, or something must stop.
    No,
    /// Its hold, because the task may be decided meanwhile; never the morning.
    Hold,
    /// The end of the quiet hours.
    Morning,
}

/// How a template's mails are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// Folder under `templates/mail`.
    pub template: &'static str,
    /// What they wait for.
    pub waits: Waits,
    /// Whether they only inform, so that whoever turned digests off gets none.
    pub informs: bool,
}

const fn sort(template: &'static str, waits: Waits, informs: bool) -> Sort {
    Sort {
        template,
        waits,
        informs,
    }
}

/// Every template. An `escalated` mail about a task of its reader's own is treated as `task`.
pub const ALL: [Sort; 36] = [
    sort("task", Waits::Hold, false),
    sort("receipt", Waits::No, false),
    sort("sign_in", Waits::No, false),
    sort("changes_requested", Waits::No, false),
    sort("approved", Waits::No, false),
    sort("rejected", Waits::No, false),
    sort("withdrawn", Waits::No, false),
    sort("abandoned", Waits::Morning, false),
    sort("digest", Waits::Morning, true),
    sort("escalated", Waits::Morning, true),
    sort("overdue", Waits::Morning, true),
    sort("delegated", Waits::Morning, true),
    sort("timed_out", Waits::Morning, false),
    sort("condition_due", Waits::Morning, false),
    sort("condition_missed", Waits::Morning, false),
    sort("condition_evidence", Waits::No, false),
    sort("condition_refused", Waits::No, false),
    sort("condition_met", Waits::Morning, true),
    sort("renewal_due", Waits::Morning, false),
    sort("expired", Waits::No, false),
    sort("suspended", Waits::No, false),
    sort("reinstated", Waits::No, false),
    sort("revoked", Waits::No, false),
    sort("override_requested", Waits::No, false),
    sort("override_granted", Waits::No, false),
    sort("workflow_proposed", Waits::No, false),
    sort("staffing", Waits::Morning, false),
    sort("checkpoint", Waits::Morning, false),
    sort("auditor_scope", Waits::No, false),
    sort("tool_ends", Waits::Morning, false),
    sort("gate", Waits::Morning, false),
    sort("oversight", Waits::Morning, false),
    sort("risk", Waits::Morning, false),
    sort("vendor_change", Waits::No, false),
    sort("vendor_change_reported", Waits::No, false),
    sort("vendor_due", Waits::Morning, false),
];

/// The mails that ask for the decision of the task they are about.
pub const ASKING: [&str; 2] = ["task", "escalated"];

/// How a mail is treated; one that nobody knows as a mail that somebody waits for.
pub fn sort_of(template: &str, about_task: bool) -> Sort {
    let [task, ..] = ALL;
    match template {
        "escalated" if about_task => task,
        _ => {
            let known = ALL.iter().find(|sort| sort.template == template);
            known.copied().unwrap_or(sort("", Waits::No, false))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mail_has_its_treatment_and_every_treatment_its_mail() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/mail");
        let names = std::fs::read_dir(folder).expect("the mails").flatten();
        let mut names: Vec<String> = names
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name != "parts")
            .collect();
        names.sort();
        let mut known: Vec<&str> = ALL.iter().map(|sort| sort.template).collect();
        known.sort_unstable();
        assert_eq!(names, known);
    }

    #[test]
    fn what_asks_for_a_decision_is_held_and_never_waits_for_the_morning_nor_can_be_turned_off() {
        for (template, about_task) in [("task", true), ("escalated", true)] {
            let sort = sort_of(template, about_task);
            assert_eq!(
                (sort.waits, sort.informs),
                (Waits::Hold, false),
                "{template}"
            );
        }
        assert_eq!(sort_of("escalated", false).waits, Waits::Morning);
        for loud in ["override_granted", "suspended", "sign_in", "receipt"] {
            assert_eq!(sort_of(loud, false).waits, Waits::No, "{loud}");
        }
    }
}
