//! The shipped mappings against the real registers they were made for, and mappings written here
//! against registers of other shapes. The registers are not part of the project: without them
//! these tests say so and pass.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use countersign::form::Form;
use countersign::register::import::{
    Field, Layout, Mapped, Mapping, Problem, Report, Table, Taken, fields_of, map_rows,
    settle_repeats,
};
use serde_json::{Value, json};

/// A file of the shared data, or nothing and a sentence that says so.
fn shared(file: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = std::env::var_os("SHARED_DATA").map_or(beside, PathBuf::from);
    if !folder.join("data").is_dir() {
        println!("skipped: there is no data folder in {}", folder.display());
        return None;
    }
    Some(folder.join("data").join(file))
}

fn kind() -> Value {
    let kind = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/kinds/use_case.json");
    serde_json::from_slice(&std::fs::read(kind).unwrap()).unwrap()
}

fn fields() -> Vec<Field> {
    fields_of(&kind())
}

fn shipped(name: &str) -> Mapping {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/mappings");
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    Mapping::load(name, &text).unwrap()
}

fn written(about: Value) -> Mapping {
    Mapping::load("here", &about.to_string()).unwrap()
}

/// What the register would hold after this file, by key, and the report.
fn import(file: &Path, mapping: &Mapping) -> (BTreeMap<String, Value>, Report) {
    let table = Table::open(std::fs::read(file).unwrap(), mapping.layout()).unwrap();
    let (rows, report) = map(&table, mapping);
    let count = rows.len();
    let held: BTreeMap<_, _> = rows
        .into_iter()
        .map(|row| (row.key, row.document))
        .collect();
    assert_eq!(held.len(), count, "every row has its own key");
    assert_eq!(table.row_count(), report.read);
    (held, report)
}

fn map(table: &Table, mapping: &Mapping) -> (Vec<Mapped>, Report) {
    let fields = fields();
    let plan = mapping
        .fit(table, &fields)
        .unwrap_or_else(|faults| panic!("{faults:#?}"));
    let mut report = Report::default();
    report.remark(plan.remarks());
    let mut rows = Vec::new();
    let form = Form::parse(&kind()).unwrap();
    let check = |document: &Value| {
        let errors = form.check_draft(document).into_iter();
        errors.map(|error| (error.field, error.message)).collect()
    };
    for row in map_rows(&plan, &check) {
        match row {
            Ok(row) => {
                report.take(&row, Taken::Created);
                rows.push(row);
            }
            Err(refused) => report.refuse(refused),
        }
    }
    (rows, report)
}

/// Problems by column, to be read with `--nocapture`.
fn show(name: &str, report: &Report) {
    let mut columns: BTreeMap<&str, usize> = BTreeMap::new();
    for problem in &report.problems {
        *columns.entry(&problem.column).or_default() += 1;
    }
    println!(
        "{name}: {} rows, {} problems {columns:?}",
        report.read,
        report.problems.len()
    );
}

fn share(held: &BTreeMap<String, Value>, field: &str) -> usize {
    held.values()
        .filter(|document| document.get(field).is_some())
        .count()
}

const FIRST: &str = "us-omb-2024/2023_consolidated_ai_inventory_raw.csv";
const SECOND: &str = "us-omb-2024/2024_consolidated_ai_inventory_raw.csv";
const HHS: &str = concat!(
    "us-agencies-2025-raw/department-of-health-and-human-services/",
    "hhs-ai-use-case-inventory-fy25.csv"
);

#[test]
fn every_shipped_mapping_is_valid_and_fills_fields_that_the_kind_has() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let schema = std::fs::read(root.join("schemas/import/mapping.json")).unwrap();
    let schema = jsonschema::validator_for(&serde_json::from_slice(&schema).unwrap()).unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(root.join("docs/mappings")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert!(schema.is_valid(&value), "{text}");
        let mapping = written(value.clone());
        let mut header = csv::Writer::from_writer(Vec::new());
        header.write_record(columns(&value)).unwrap();
        let table = Table::open(header.into_inner().unwrap(), &Layout::default()).unwrap();
        let fields = fields();
        assert_eq!(mapping.fit(&table, &fields).unwrap().remarks(), []);
        seen += 1;
    }
    assert_eq!(seen, 3);
}

/// The first block of that language after the heading.
fn block<'a>(page: &'a str, heading: &str, language: &str) -> &'a str {
    let rest = page.split_once(heading).unwrap().1;
    let rest = rest.split_once(&format!("```{language}\n")).unwrap().1;
    rest.split_once("```").unwrap().0
}

#[test]
fn the_worked_example_of_the_guide_gives_the_report_that_it_shows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/importing.md")).unwrap();
    let of = |language| block(&page, "## A worked example", language);
    let mapping = Mapping::load("guide", of("json")).unwrap();
    let table = Table::open(of("csv").as_bytes().to_vec(), mapping.layout()).unwrap();
    let (rows, report) = map(&table, &mapping);
    assert_eq!(report.to_string(), of("text"));
    assert_eq!(rows[0].document["uses"], json!(["summarising", "search"]));
    let shown: Value = serde_json::from_str(block(&page, "## Reading the report", "json")).unwrap();
    assert_eq!(serde_json::to_value(&report).unwrap(), shown);
}

/// Every column that a mapping names.
fn columns(mapping: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut names: Vec<String> = mapping["key"]
        .as_array()
        .unwrap()
        .iter()
        .map(text)
        .collect();
    for field in mapping["fields"].as_object().unwrap().values() {
        names.extend(field.get("column").map(text));
        for member in field["columns"].as_array().into_iter().flatten() {
            names.push(text(member.get("column").unwrap_or(member)));
        }
    }
    names.extend(
        mapping["ignore"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone()),
    );
    names.sort();
    names.dedup();
    names
}

#[test]
fn the_inventory_of_2023_is_taken_whole() {
    let Some(file) = shared(FIRST) else { return };
    let (held, report) = import(&file, &shipped("us-omb-2023.json"));
    show("2023", &report);
    assert_eq!((held.len(), report.refused), (710, 0));
    let expected = ["Title", "Summary"];
    let known = |one: &Problem| expected.contains(&one.column.as_str());
    assert!(report.problems.iter().all(known), "{report}");
    assert_eq!(
        (share(&held, "purpose"), share(&held, "code_url")),
        (710, 17)
    );
    assert!(share(&held, "lifecycle") >= 385);
}

#[test]
fn the_inventory_of_2024_is_taken_whole_though_it_has_no_ids() {
    let Some(file) = shared(SECOND) else { return };
    let (held, report) = import(&file, &shipped("us-omb-2024.json"));
    show("2024", &report);
    assert_eq!((held.len(), report.refused), (1_757, 0));
    assert_eq!(
        (share(&held, "unit"), share(&held, "lifecycle")),
        (1_757, 1_753)
    );
    assert_eq!(share(&held, "impact"), 1_718);
    let odd_year = |problem: &&Problem| problem.value.ends_with("/1905");
    assert_eq!(report.problems.iter().filter(odd_year).count(), 31);
}

#[test]
fn the_windows_1252_file_of_a_department_is_taken_whole() {
    let Some(file) = shared(HHS) else { return };
    let mapping = shipped("us-hhs-2025.json");
    let (held, report) = import(&file, &mapping);
    show("HHS", &report);
    assert_eq!((held.len(), report.refused), (447, 0));
    assert_eq!(
        (share(&held, "lifecycle"), share(&held, "impact")),
        (447, 447)
    );
    let high = held
        .values()
        .filter(|one| one["impact"] == "rights_and_safety")
        .count();
    assert_eq!((high, share(&held, "started_on")), (2, 255));
}

/// Each cell of the file that is not empty, by line and column, must be accounted for.
#[test]
fn every_cell_of_the_real_files_is_in_a_document_or_in_the_report() {
    for (file, mapping) in [
        (FIRST, "us-omb-2023.json"),
        (SECOND, "us-omb-2024.json"),
        (HHS, "us-hhs-2025.json"),
    ] {
        let Some(file) = shared(file) else { return };
        let mapping = shipped(mapping);
        let table = Table::open(std::fs::read(&file).unwrap(), mapping.layout()).unwrap();
        let mapped: HashMap<u64, Mapped> = map(&table, &mapping)
            .0
            .into_iter()
            .map(|row| (row.line, row))
            .collect();
        let mut told_only = 0;
        for row in table.rows() {
            let mapped = &mapped[&row.line];
            let document = squeezed(&document_text(&mapped.document));
            for (header, cell) in table.headers().iter().zip(&row.cells) {
                let told = mapped.problems.iter().any(|one| one.column == *header)
                    || mapped.set_aside.iter().any(|one| one.column == *header);
                told_only += usize::from(told);
                if !told && !document.contains(&squeezed(cell)) {
                    let translated = ["stage", "impact", "date", "pii", "dev", "topic"];
                    let header = header.to_lowercase();
                    let known = translated.iter().any(|word| header.contains(word))
                        || header.contains("personally")
                        || header.starts_with("3_abr");
                    assert!(known, "line {} {header}: {cell}", row.line);
                }
            }
        }
        println!("{}: {told_only} cells in the report", mapping.title());
    }
}

fn document_text(document: &Value) -> String {
    let members = document.as_object().unwrap().values();
    members
        .map(|value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        })
        .collect()
}

/// Letters and digits only: white space, lists and punctuation may be written anew.
fn squeezed(text: &str) -> String {
    text.chars().filter(|sign| sign.is_alphanumeric()).collect()
}

#[test]
fn a_second_import_of_a_file_sorted_anew_changes_nothing() {
    let Some(file) = shared(SECOND) else { return };
    let mapping = shipped("us-omb-2024.json");
    let (held, _) = import(&file, &mapping);
    let table = Table::open(std::fs::read(&file).unwrap(), mapping.layout()).unwrap();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(table.headers()).unwrap();
    let mut rows: Vec<_> = table.rows().map(|row| row.cells).collect();
    rows.reverse();
    rows.iter()
        .for_each(|row| writer.write_record(row.iter().map(AsRef::as_ref)).unwrap());
    let table = Table::open(writer.into_inner().unwrap(), mapping.layout()).unwrap();
    let (mut rows, _) = map(&table, &mapping);
    settle_repeats(&mut rows, &|key, document| {
        held.get(key).map(|known| known == document)
    });
    assert_eq!(rows.len(), 1_757);
    assert!(rows.iter().all(|row| held[&row.key] == row.document));
}

/// Imports a register of another shape by a mapping that stands here only.
fn takes_whole(file: &str, rows: u64, source: &str, key: &str, fields: Value) {
    let Some(path) = shared(file) else { return };
    let mut mapping = json!({
        "format": 1, "kind": "use_case", "title": "Here", "source": source, "key": [key],
        "blank": ["N/A", "NA", "[blank]"], "fields": fields
    });
    if source == "banner" {
        mapping["header_row"] = json!(2);
    }
    let (held, report) = import(&path, &written(mapping));
    show(file, &report);
    assert_eq!((report.read, held.len() as u64), (rows, rows), "{report}");
}

#[test]
fn a_list_of_published_records_needs_a_mapping_and_no_code() {
    let fields = json!({
        "title": { "column": "tool_name" },
        "unit": { "column": "publishing_body" },
        "source_url": { "column": "url" },
        "started_on": { "column": "published", "dates": ["%Y-%m-%dT%H:%M:%SZ"] }
    });
    takes_whole("uk-atrs/atrs_records.csv", 136, "uk-atrs", "url", fields);
}

#[test]
fn a_table_with_ids_and_other_column_names_needs_a_mapping_and_no_code() {
    let fields = json!({
        "title": { "column": "Use Case Name" },
        "source_id": { "column": "Use Case Identifier" },
        "purpose": { "column": "Problem Description" },
        "impact": {
            "column": "High Impact Indicator",
            "values": { "Not high-impact": "none", "High-impact": "rights_and_safety" },
            "starts_with": { "Presumed high-impact but": "none" }
        },
        "lifecycle": { "column": "Development Stage", "values": {
            "Pre-deployment": "development", "Pilot": "pilot", "Deployed": "live",
            "Retired": "retired"
        } }
    });
    let file = "us-agencies-2025-raw/department-of-transportation/rows.csv";
    takes_whole(file, 70, "dot", "Use Case Identifier", fields);
}

#[test]
fn a_table_below_a_banner_needs_a_mapping_and_no_code() {
    let fields = json!({
        "title": { "column": "Use Case Name" },
        "unit": { "column": "Bureau/Component" },
        "lifecycle": { "column": "Stage of Development", "starts_with": {
            "a)": "development", "b)": "pilot", "c)": "live", "d)": "retired"
        } }
    });
    let file = concat!(
        "us-agencies-2025-raw/securities-and-exchange-commission/",
        "2025-sec-individual-ai-use-cases.csv"
    );
    takes_whole(
        file,
        60,
        "banner",
        "Use Case ID [Agency Abbrev.] ¤ [#]",
        fields,
    );
}

#[test]
fn a_list_of_tools_needs_a_mapping_and_no_code() {
    let fields = json!({
        "title": { "column": "Tool/Application Name" },
        "purpose": { "column": "Description" }
    });
    let file = concat!(
        "us-agencies-2025-raw/office-of-personnel-management/",
        "ai_use_case_inventory_opm_2025.csv"
    );
    takes_whole(file, 5, "opm", "Tool/Application Name", fields);
}

#[test]
fn a_mapping_for_another_register_says_what_does_not_fit() {
    let Some(file) = shared(HHS) else { return };
    let table = Table::open(std::fs::read(&file).unwrap(), &Layout::default()).unwrap();
    let (mapping, fields) = (shipped("us-omb-2023.json"), fields());
    let faults = mapping.fit(&table, &fields).unwrap_err();
    assert!(
        faults.iter().any(|fault| fault.column == "Use_Case_ID"),
        "{faults:?}"
    );
}
