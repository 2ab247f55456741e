//! An invented organisation: people in every role, vendors, tools.

/// Its name.
pub const NAME: &str = "Harbour Mutual";
/// Who its mails come from.
pub const SENDER: &str = "Harbour Mutual AI register <register@harbour.example>";
/// Where it is.
pub const ZONE: &str = "Europe/Berlin";

/// Address before the @, name, roles, groups.
pub type Row = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// The people.
pub const PEOPLE: &[Row] = &[
    ("tomas", "Tomás Rivera", &[], &[]),
    ("ada", "Ada Brandt", &[], &[]),
    ("li", "Li Wei", &[], &[]),
    ("nora", "Nora Okafor", &[], &[]),
    ("pavel", "Pavel Novák", &[], &[]),
    (
        "mei",
        "Mei Tanaka",
        &["data_protection", "privacy_lead"],
        &[],
    ),
    ("samuel", "Samuel Ortiz", &["data_protection"], &[]),
    ("ruth", "Ruth Adeyemi", &["ai_reviewer"], &[]),
    ("henrik", "Henrik Dahl", &["line_manager"], &[]),
    ("carla", "Carla Mendes", &["line_manager"], &[]),
    ("jonas", "Jonas Weber", &["vendor_risk"], &[]),
    ("farah", "Farah Nasser", &["procurement_lead"], &[]),
    ("ingrid", "Ingrid Solheim", &["legal"], &[]),
    ("marta", "Marta Kowalska", &["general_counsel"], &[]),
    ("yusuf", "Yusuf Demir", &["security"], &[]),
    ("chloe", "Chloé Martin", &["security"], &[]),
    ("anders", "Anders Lund", &["ciso"], &[]),
    ("grace", "Grace Mbeki", &["cto"], &[]),
    ("viktor", "Viktor Hansen", &["ceo"], &[]),
    ("leila", "Leila Haddad", &[], &["ai_council"]),
    ("oscar", "Oscar Lind", &[], &["ai_council"]),
    ("priya", "Priya Raman", &[], &["ai_council"]),
    ("elena", "Elena Petrova", &["governance_admin"], &[]),
    ("david", "David Cohen", &["auditor"], &[]),
    ("sofia", "Sofia Rossi", &["administrator"], &[]),
];

/// Who manages whom: a manager, and those who report to them.
pub const MANAGERS: &[(&str, &[&str])] = &[
    ("viktor", &["grace", "marta", "henrik", "carla"]),
    ("grace", &["anders", "ruth", "pavel"]),
    ("anders", &["yusuf", "chloe"]),
    ("marta", &["ingrid", "mei", "samuel"]),
    ("henrik", &["tomas", "ada"]),
    ("carla", &["li", "nora", "jonas"]),
];

/// Who will be away, who stands in, in how many days and until which.
pub const AWAY: (&str, &str, i64, i64) = ("carla", "henrik", 12, 16);

/// The whole address of somebody.
pub fn address(local: &str) -> String {
    format!("{local}@harbour.example")
}

/// Title, country, what it does, whether it processes personal data.
pub const VENDORS: &[(&str, &str, &str, bool)] = &[
    (
        "Northlight AI",
        "Ireland",
        "Language models by subscription and by interface",
        true,
    ),
    (
        "Clearwater Systems",
        "Germany",
        "Document recognition for insurers",
        true,
    ),
    (
        "Orrery Labs",
        "Canada",
        "Code assistant for developers",
        false,
    ),
];

/// Title, vendor, modes, what for, owner.
pub const TOOLS: &[(&str, &str, &str, &str, &str)] = &[
    (
        "Northlight Assistant",
        "Northlight AI",
        "Enterprise account: no training on our data. Free account: not for work.",
        "Drafting and summarising texts without personal data",
        "pavel",
    ),
    (
        "Northlight interface",
        "Northlight AI",
        "Our own key, European region",
        "Language functions inside our own programs",
        "pavel",
    ),
    (
        "Clearwater Reader",
        "Clearwater Systems",
        "Run in our data centre",
        "Reading invoices and damage reports",
        "ada",
    ),
    (
        "Orrery Code",
        "Orrery Labs",
        "Team licence, 60 seats",
        "Suggestions while programming; never for secrets",
        "pavel",
    ),
    (
        "Meeting notes",
        "Northlight AI",
        "Part of the enterprise account",
        "Notes of internal meetings when everybody agrees",
        "li",
    ),
    (
        "Translation desk",
        "Northlight AI",
        "Part of the enterprise account",
        "First translations that a person corrects",
        "nora",
    ),
    (
        "Sea state model",
        "",
        "Own model, runs on our servers",
        "Storm damage forecasts",
        "ada",
    ),
    (
        "Photo triage",
        "",
        "Own model, pilot",
        "Sorting photos of damaged cars",
        "ada",
    ),
];
