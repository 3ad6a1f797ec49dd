//! A plot: a figure with its words, its legend, a drawing and the same numbers as a table.
//!
//! The drawing's shapes are stretched to whatever width there is, while its labels and lines keep
//! their size: shapes live in an inner picture that is scaled, labels in an outer one that is not
//! and counts in hundredths. That is why it reads as well on a telephone as on paper.

use std::fmt::{self, Write as _};

use super::axis::{EXTENT, Tick};
use super::escape::Escaped;

/// The contents of a plot.
#[derive(Debug, Default)]
pub(super) struct Plot {
    /// Its name within the page.
    pub(super) id: &'static str,
    /// Its heading.
    pub(super) title: &'static str,
    /// How to read it, in a sentence or two.
    pub(super) says: String,
    /// A description of the drawing, for readers who do not see it.
    pub(super) description: String,
    /// The mark of its shapes in the legend.
    pub(super) marks: Marks,
    /// Its legend.
    pub(super) keys: Vec<Key>,
    /// Ticks along the time.
    pub(super) x: Vec<Tick>,
    /// Ticks along the height.
    pub(super) y: Vec<Tick>,
    /// Its shapes, the lowest first.
    pub(super) shapes: Vec<Shape>,
    /// The tooltip of each part of the time; all parts are equally wide.
    pub(super) hints: Vec<String>,
    /// The same as a table.
    pub(super) table: Table,
}

/// The mark of a shape in a legend.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Marks {
    /// A piece of a line.
    Lines,
    /// A piece of an area.
    #[default]
    Areas,
}

impl Marks {
    const fn outline(self) -> &'static str {
        match self {
            Self::Lines => "M2 6H20",
            Self::Areas => "M1 1H21V11H1Z",
        }
    }
}

/// An entry of a legend.
#[derive(Debug)]
pub(super) struct Key {
    /// The class of its shape.
    pub(super) class: &'static str,
    /// Its label.
    pub(super) name: &'static str,
    /// Its figure.
    pub(super) figure: String,
}

/// Something drawn.
#[derive(Debug)]
pub(super) struct Shape {
    /// Its class.
    pub(super) class: &'static str,
    /// The outline, as SVG has it.
    pub(super) path: String,
}

/// Numbers in rows.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// The columns' names.
    pub(super) head: Vec<&'static str>,
    /// The rows; the first cell names each.
    pub(super) rows: Vec<Vec<String>>,
}

impl Plot {
    /// Writes it as a figure.
    pub(super) fn write(&self, to: &mut String) -> fmt::Result {
        let Self { id, title, .. } = self;
        write!(
            to,
            "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{title}</h2>\n<p>{}</p>\n\
             <figure>\n<ul class=\"legend\">\n",
            Escaped(&self.says),
        )?;
        let mark = self.marks.outline();
        for Key { class, name, figure } in &self.keys {
            writeln!(
                to,
                "<li><svg class=\"key\" aria-hidden=\"true\"><path class=\"{class}\" \
                 d=\"{mark}\"/></svg>{name} <b>{figure}</b></li>"
            )?;
        }
        write!(
            to,
            "</ul>\n<svg class=\"plot\" role=\"img\" aria-labelledby=\"{id}-t\" \
             aria-describedby=\"{id}-d\">\n<title id=\"{id}-t\">{title}</title>\n\
             <desc id=\"{id}-d\">{}</desc>\n",
            Escaped(&self.description),
        )?;
        self.write_grid(to)?;
        self.write_shapes(to)?;
        writeln!(to, "</svg>\n</figure>")?;
        self.write_table(to)?;
        writeln!(to, "</section>")
    }

    fn write_grid(&self, to: &mut String) -> fmt::Result {
        writeln!(to, "<g class=\"grid\">")?;
        for Tick { at, label } in &self.y {
            let y = (1.0 - at) * 100.0;
            writeln!(
                to,
                "<line x2=\"100%\" y1=\"{y:.2}%\" y2=\"{y:.2}%\"/>\
                 <text y=\"{y:.2}%\" dx=\"-8\" dy=\".32em\">{}</text>",
                Escaped(label),
            )?;
        }
        writeln!(to, "</g>\n<g class=\"grid time\">")?;
        for Tick { at, label } in &self.x {
            let x = at * 100.0;
            writeln!(
                to,
                "<line x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"100%\" y2=\"100%\"/>\
                 <text x=\"{x:.2}%\" y=\"100%\" dy=\"1.6em\">{}</text>",
                Escaped(label),
            )?;
        }
        writeln!(to, "</g>")
    }

    #[expect(clippy::cast_precision_loss, reason = "a picture is no finer")]
    fn write_shapes(&self, to: &mut String) -> fmt::Result {
        writeln!(
            to,
            "<svg width=\"100%\" height=\"100%\" viewBox=\"0 0 {EXTENT} {EXTENT}\" \
             preserveAspectRatio=\"none\">"
        )?;
        for Shape { class, path } in &self.shapes {
            writeln!(to, "<path class=\"{class}\" d=\"{path}\"/>")?;
        }
        let width = EXTENT / self.hints.len().max(1) as f64;
        for (place, hint) in self.hints.iter().enumerate() {
            writeln!(
                to,
                "<rect class=\"hint\" x=\"{:.1}\" width=\"{width:.1}\" height=\"{EXTENT}\">\
                 <title>{}</title></rect>",
                width * place as f64,
                Escaped(hint),
            )?;
        }
        writeln!(to, "</svg>")
    }

    fn write_table(&self, to: &mut String) -> fmt::Result {
        let title = self.title;
        write!(
            to,
            "<details>\n<summary>{title}, as a table</summary>\n\
             <div class=\"scroll\" role=\"group\" aria-label=\"{title} as a table\" tabindex=\"0\">\n\
             <table>\n<thead><tr>",
        )?;
        for name in &self.table.head {
            write!(to, "<th scope=\"col\">{name}</th>")?;
        }
        writeln!(to, "</tr></thead>\n<tbody>")?;
        for row in &self.table.rows {
            write!(to, "<tr>")?;
            for (place, cell) in row.iter().enumerate() {
                match place {
                    0 => write!(to, "<th scope=\"row\">{}</th>", Escaped(cell))?,
                    _ => write!(to, "<td>{}</td>", Escaped(cell))?,
                }
            }
            writeln!(to, "</tr>")?;
        }
        writeln!(to, "</tbody>\n</table>\n</div>\n</details>")
    }
}
