//! The picture of a workflow and of a review.

use super::*;

fn policy_flow(marks: &[Mark]) -> Flow {
    flow(&policy().workflow, marks)
}

fn mark(stage: &str, standing: Standing, note: &str) -> Mark {
    Mark {
        stage: stage.to_owned(),
        standing,
        note: note.to_owned(),
    }
}

fn shape<'f>(flow: &'f Flow, title: &str) -> &'f Shape {
    let named = |shape: &&Shape| shape.title.contains(title);
    flow.boxes.iter().find(named).unwrap()
}

#[test]
fn stages_stand_from_left_to_right_and_side_by_side_ones_above_each_other() {
    let flow = policy_flow(&[]);
    let titles = [
        "Submission",
        "Data use",
        "Human oversight",
        "Legal",
        "CTO",
        "Approval",
    ];
    let lefts: Vec<u32> = titles.iter().map(|title| shape(&flow, title).x).collect();
    assert!(lefts.is_sorted_by(|a, b| a < b), "{lefts:?}");
    let (human, vendor) = (shape(&flow, "Human"), shape(&flow, "Vendor"));
    assert_eq!(human.x, vendor.x);
    assert!(human.y + human.height < vendor.y);
    for shape in &flow.boxes {
        assert!(shape.x + shape.width <= flow.width && shape.y + shape.height <= flow.height);
        for line in &shape.texts {
            assert!(line.y > shape.y && line.y < shape.y + shape.height);
        }
    }
    assert_eq!(flow.edges.len(), 7);
}

#[test]
fn no_two_boxes_meet_whatever_the_workflow() {
    let mut workflow = small();
    let stage = |key: usize, needs: Vec<String>| {
        let mut stage = small()["stages"][0].clone();
        stage["key"] = json!(format!("s{key}"));
        stage["needs"] = json!(needs);
        stage
    };
    let needs = |at: usize| {
        (0..at)
            .filter(move |n| at.is_multiple_of(n + 2))
            .map(|n| format!("s{n}"))
    };
    workflow["stages"] = (0..24).map(|at| stage(at, needs(at).collect())).collect();
    let flow = flow(&load(&workflow.to_string()).unwrap().workflow, &[]);
    for (at, a) in flow.boxes.iter().enumerate() {
        for b in flow.boxes.iter().skip(at + 1) {
            let apart = a.x + a.width < b.x
                || b.x + b.width < a.x
                || a.y + a.height < b.y
                || b.y + b.height < a.y;
            assert!(apart, "{} and {}", a.title, b.title);
        }
    }
}

#[test]
fn a_line_over_a_layer_passes_between_the_boxes() {
    let mut workflow = small();
    let mut third = small()["stages"][1].clone();
    third["key"] = json!("third");
    third["needs"] = json!(["first", "second"]);
    workflow["stages"].as_array_mut().unwrap().push(third);
    let flow = flow(&load(&workflow.to_string()).unwrap().workflow, &[]);
    let second = flow
        .boxes
        .iter()
        .find(|shape| shape.title.starts_with("2."))
        .unwrap();
    let long = flow
        .edges
        .iter()
        .find(|edge| edge.line.contains('H'))
        .unwrap();
    let level: u32 = long
        .line
        .split_once(" H")
        .unwrap()
        .0
        .rsplit(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!(
        level < second.y || level > second.y + second.height,
        "{level} {second:?}"
    );
}

#[test]
fn a_review_shows_how_each_stage_stands_in_words() {
    let marks = [
        mark("data_use", Standing::Done, "Mei Tanaka approved"),
        mark("human_review", Standing::Current, ""),
        mark(
            "vendor",
            Standing::Skipped,
            "request.sourcing == 'vendor' does not hold",
        ),
        mark("legal_security", Standing::Waiting, ""),
        mark("council", Standing::TimedOut, ""),
    ];
    let flow = policy_flow(&marks);
    let states: Vec<(&str, &str)> = flow
        .steps
        .iter()
        .map(|step| (step.state.unwrap(), step.class))
        .collect();
    let expected = [
        ("approved", "done"),
        ("open", "now"),
        ("not needed", "skipped"),
        ("waits", "ahead"),
        ("time ran out", "stopped"),
    ];
    assert_eq!(states, expected);
    let text = |title: &str| shape(&flow, title).texts.last().unwrap().text.clone();
    assert_eq!(text("Data use"), "✓ approved");
    assert_eq!(text("Vendor"), "– not needed");
    let vendor = shape(&flow, "Vendor");
    assert!(
        vendor
            .title
            .ends_with("request.sourcing == 'vendor' does not hold")
    );
    assert_eq!(
        flow.steps[2].note,
        "request.sourcing == 'vendor' does not hold"
    );
}

#[test]
fn the_list_says_what_the_picture_says() {
    let steps = policy_flow(&[]).steps;
    let human = &steps[1];
    assert_eq!((human.number, human.title.as_str()), (2, "Human oversight"));
    assert_eq!(human.after, ["Data use"]);
    assert_eq!(
        human.seats,
        [
            "1 of the owner's manager or line manager",
            "1 of ai reviewer"
        ]
    );
    assert_eq!(human.due.as_deref(), Some("5 business days"));
    assert_eq!(human.state, None);
    assert_eq!(steps[3].after, ["Human oversight", "Vendor assessment"]);
}

#[test]
fn the_file_is_well_formed_whatever_people_write() {
    let mut workflow = small();
    workflow["title"] = json!("A & B <script>alert(\"1\")</script>\u{0}");
    workflow["stages"][0]["title"] = json!("<b>&amp;</b> ".repeat(12).trim());
    workflow["stages"][1]["title"] = json!("x".repeat(190));
    let picture = flow(&load(&workflow.to_string()).unwrap().workflow, &[]);
    let file = svg(&picture);
    assert!(!file.contains("<script") && !file.contains("<b>") && !file.contains('\u{0}'));
    assert!(file.starts_with("<svg xmlns=") && file.ends_with("</svg>\n"));
    assert!(
        file.contains("<title id=\"flow-title\">A &amp; B &lt;script&gt;"),
        "{file}"
    );
    assert!(
        file.contains("after First") || file.contains("after &lt;b&gt;"),
        "{file}"
    );
    let opened = file.matches("<g ").count();
    assert_eq!((opened, file.matches("</g>").count()), (4, 4));
    let longest = picture.boxes.iter().flat_map(|shape| &shape.texts);
    assert!(longest.map(|line| line.text.chars().count()).max().unwrap() <= 25);
}
