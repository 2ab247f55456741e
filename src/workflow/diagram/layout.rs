//! Where things stand: each stage in the layer after its last need, lines that pass a layer keep a
//! lane of their own in it.

use super::{Edge, Line};
use crate::workflow::definition::{Stage, Workflow};

/// Letters that fit a line of a box.
const LETTERS: usize = 25;
const WIDTH: u32 = 200;
const END_WIDTH: u32 = 104;
const GAP: u32 = 56;
const BETWEEN: u32 = 24;
const MARGIN: u32 = 12;
const LINE: u32 = 18;
const PADDING: u32 = 12;
/// The height of a lane in which a line passes a layer.
const LANE: u32 = 12;

/// Where everything stands.
pub(super) struct Placed {
    pub width: u32,
    pub height: u32,
    pub stages: Vec<Spot>,
    pub start: Spot,
    pub end: Spot,
    pub edges: Vec<Edge>,
}

/// A box.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spot {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

impl Spot {
    fn middle(&self) -> u32 {
        self.y + self.height / 2
    }
}

/// What stands in a layer: a box, or a line on its way to a later layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Start,
    Stage(usize),
    /// By the place of the edge.
    Lane(usize),
    End,
}

/// A line from one item to another, over the layers between them.
struct Path {
    from: Item,
    to: Item,
    /// The layers, first and last included.
    layers: std::ops::RangeInclusive<usize>,
}

pub(super) fn place(
    workflow: &Workflow,
    stages: &[&Stage],
    texts: &[Vec<(&'static str, String)>],
) -> Placed {
    let depth = depths(stages);
    let last = depth.iter().max().copied().unwrap_or(0) + 1;
    let paths = paths(workflow, stages, &depth, last);
    let layers = layers(&depth, last, &paths);
    let height = |item: Item| match item {
        Item::Start | Item::End => LINE + 2 * PADDING,
        Item::Lane(_) => LANE,
        Item::Stage(at) => texts.get(at).map_or(0, |texts| tall(texts.len())),
    };
    let full = |layer: &Vec<Item>| -> u32 {
        let gaps = layer.len().saturating_sub(1) as u32 * BETWEEN;
        layer.iter().map(|item| height(*item)).sum::<u32>() + gaps
    };
    let tallest = layers.iter().map(full).max().unwrap_or(0);
    let mut spots: Vec<(usize, Item, Spot)> = Vec::new();
    let mut x = MARGIN;
    for (index, layer) in layers.iter().enumerate() {
        let width = if index == 0 || index == last {
            END_WIDTH
        } else {
            WIDTH
        };
        let mut y = MARGIN + (tallest - full(layer)) / 2;
        for item in layer {
            let height = height(*item);
            spots.push((
                index,
                *item,
                Spot {
                    x,
                    y,
                    width,
                    height,
                },
            ));
            y += height + BETWEEN;
        }
        x += width + GAP;
    }
    let spot = |layer: usize, item: Item| {
        let found = spots
            .iter()
            .find(|(at, found, _)| *at == layer && *found == item);
        found.map(|(_, _, spot)| *spot).unwrap_or_default()
    };
    let of_stage = |(at, depth): (usize, &usize)| spot(*depth, Item::Stage(at));
    Placed {
        width: x - GAP + MARGIN,
        height: tallest + 2 * MARGIN,
        stages: depth.iter().enumerate().map(of_stage).collect(),
        start: spot(0, Item::Start),
        end: spot(last, Item::End),
        edges: paths
            .iter()
            .enumerate()
            .map(|(at, path)| edge(at, path, &spot))
            .collect(),
    }
}

fn tall(lines: usize) -> u32 {
    lines as u32 * LINE + 2 * PADDING
}

/// The layer of each stage: one after its last need, from 1.
fn depths(stages: &[&Stage]) -> Vec<usize> {
    let mut depths: Vec<usize> = Vec::with_capacity(stages.len());
    for stage in stages {
        let needs = stages.iter().zip(&depths);
        let needs = needs.filter(|(other, _)| stage.needs.contains(&other.key));
        let deepest = needs.map(|(_, depth)| *depth).max().unwrap_or(0);
        depths.push(deepest + 1);
    }
    depths
}

fn paths(workflow: &Workflow, stages: &[&Stage], depth: &[usize], last: usize) -> Vec<Path> {
    let layer = |at: usize| depth.get(at).copied().unwrap_or(0);
    let mut paths = Vec::new();
    for (at, stage) in stages.iter().enumerate() {
        let to = Item::Stage(at);
        if stage.needs.is_empty() {
            let layers = 0..=layer(at);
            paths.push(Path {
                from: Item::Start,
                to,
                layers,
            });
        }
        for (need, other) in stages.iter().enumerate() {
            if stage.needs.contains(&other.key) {
                let layers = layer(need)..=layer(at);
                paths.push(Path {
                    from: Item::Stage(need),
                    to,
                    layers,
                });
            }
        }
        let is_last = !workflow
            .stages
            .iter()
            .any(|other| other.needs.contains(&stage.key));
        if is_last {
            let layers = layer(at)..=last;
            paths.push(Path {
                from: to,
                to: Item::End,
                layers,
            });
        }
    }
    paths
}

/// The items of each layer, top to bottom: each near what leads to it.
fn layers(depth: &[usize], last: usize, paths: &[Path]) -> Vec<Vec<Item>> {
    let mut layers: Vec<Vec<Item>> = vec![Vec::new(); last + 1];
    let mut put = |layer: usize, item: Item| {
        if let Some(items) = layers.get_mut(layer) {
            items.push(item);
        }
    };
    put(0, Item::Start);
    put(last, Item::End);
    for (at, depth) in depth.iter().enumerate() {
        put(*depth, Item::Stage(at));
    }
    for (at, path) in paths.iter().enumerate() {
        for layer in path.layers.clone().skip(1) {
            if layer < *path.layers.end() {
                put(layer, Item::Lane(at));
            }
        }
    }
    for index in 1..layers.len() {
        let before = layers.get(index - 1).cloned().unwrap_or_default();
        if let Some(layer) = layers.get_mut(index) {
            layer.sort_by_key(|item| middle_of_sources(*item, index, paths, &before));
        }
    }
    layers
}

/// The mean place of what leads to an item, in thousandths.
fn middle_of_sources(item: Item, layer: usize, paths: &[Path], before: &[Item]) -> usize {
    let leads = |(at, path): (usize, &Path)| {
        let here = item == Item::Lane(at) || (item == path.to && *path.layers.end() == layer);
        let starts = *path.layers.start() + 1 == layer;
        here.then_some(if starts { path.from } else { Item::Lane(at) })
    };
    let sources = paths.iter().enumerate().filter_map(leads);
    let places: Vec<usize> = sources
        .filter_map(|source| before.iter().position(|item| *item == source))
        .collect();
    let sum: usize = places.iter().sum();
    sum * 1000 / places.len().max(1)
}

/// A line through the lanes of a path, with its head.
fn edge(at: usize, path: &Path, spot: &dyn Fn(usize, Item) -> Spot) -> Edge {
    let (first, last) = (*path.layers.start(), *path.layers.end());
    let from = spot(first, path.from);
    let mut here = (from.x + from.width, from.middle());
    let mut line = format!("M{} {}", here.0, here.1);
    for layer in first + 1..=last {
        let item = if layer == last {
            path.to
        } else {
            Item::Lane(at)
        };
        let next = spot(layer, item);
        let end = if layer == last { next.x - 7 } else { next.x };
        let middle = next.middle();
        let bend = here.0 + end.saturating_sub(here.0) / 2;
        line.push_str(&format!(
            " C{bend} {} {bend} {middle} {end} {middle}",
            here.1
        ));
        here = (end, middle);
        if layer < last {
            here.0 = next.x + next.width;
            line.push_str(&format!(" H{}", here.0));
        }
    }
    let (x, y) = here;
    Edge {
        line,
        head: format!("M{} {y} L{x} {} L{x} {} Z", x + 7, y - 4, y + 4),
    }
}

/// The texts of a box, one below the other.
pub(super) fn stacked(spot: &Spot, texts: &[(&'static str, String)]) -> Vec<Line> {
    let lines = texts.iter().enumerate().map(|(at, (class, text))| Line {
        x: spot.x + PADDING,
        y: spot.y + PADDING + at as u32 * LINE + LINE - 5,
        class,
        text: text.clone(),
    });
    lines.collect()
}

/// One word in the middle of a box.
pub(super) fn centred(spot: &Spot, word: &str) -> Line {
    Line {
        x: spot.x + spot.width / 2,
        y: spot.middle() + 5,
        class: "name",
        text: word.to_owned(),
    }
}

/// A text in lines that fit a box, at most `most` of them; what is left out shows as ….
pub(super) fn wrapped(text: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        for part in pieces(word) {
            let fits = lines
                .last()
                .is_some_and(|line| line.chars().count() + 1 + part.chars().count() <= LETTERS);
            match lines.last_mut().filter(|_| fits) {
                Some(line) => {
                    line.push(' ');
                    line.push_str(&part);
                }
                None => lines.push(part),
            }
        }
    }
    if lines.len() > most {
        lines.truncate(most);
        if let Some(line) = lines.last_mut() {
            *line = line.chars().take(LETTERS - 1).chain(['…']).collect();
        }
    }
    lines
}

/// A word, broken where it is longer than a line.
fn pieces(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    letters
        .chunks(LETTERS)
        .map(|part| part.iter().collect())
        .collect()
}
