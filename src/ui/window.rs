//! The window: eframe round the console, opened again as often as the person comes back.
//!
//! Invariant: nothing is drawn unless the person does something or the background has news; those wake at most four times a
//! second (once a second while nobody is at the window), thirty while the person drags. Without a window nothing is drawn.
//! Absent on purpose: the proxy, which lives on when the window is closed.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use egui::ViewportCommand;

use crate::contract::UiEnd;
use crate::model::preferences::{Preferences, WindowPlace};

use super::attention::Attention;
use super::shell::{Away, Console, Desktop, Ending, LogTo};

const SIZE: [f32; 2] = [1_280.0, 800.0];
const SMALLEST: [f32; 2] = [760.0, 520.0];

/// How the window opens.
pub struct WindowOptions {
    /// In its title bar.
    pub title: String,
    /// As the person left them.
    pub preferences: Preferences,
    /// Keeps changed preferences.
    pub keep: Box<dyn Fn(&Preferences)>,
    /// Sets how much is logged.
    pub log: LogTo,
    /// Shows notifications on the desktop.
    pub desktop: Desktop,
    /// What to open first.
    pub link: Option<String>,
}

/// Opens the window, and opens it again when it is asked for while we serve in the background. Returns when the person quits
/// or serving ends. Must run on the main thread.
///
/// # Errors
/// A sentence for the person if no window can be opened (no display, no OpenGL).
pub fn run(line: &UiEnd, options: WindowOptions) -> Result<Ending, String> {
    let console =
        Console::with(line.clone(), options.preferences, options.keep).on_desktop(options.desktop).logging(options.log);
    let console = Rc::new(RefCell::new(console));
    if let Some(link) = options.link {
        console.borrow_mut().will_follow(link);
    }
    loop {
        show(line, &console, &options.title)?;
        match console.borrow().ending() {
            Ending::Background => {}
            // Closed by the system, unasked: as if the person had quit.
            Ending::Open | Ending::Quit => return Ok(Ending::Quit),
            Ending::QuitNow => return Ok(Ending::QuitNow),
        }
        if wait(line, &console) == Away::Over {
            return Ok(Ending::Quit);
        }
    }
}

/// One window, from opening to closing.
fn show(line: &UiEnd, console: &Rc<RefCell<Console>>, title: &str) -> Result<(), String> {
    let viewport = placed(console.borrow().preferences().window)
        .with_title(title)
        .with_app_id("org.tidegate.Tidegate")
        .with_min_inner_size(SMALLEST)
        .with_icon(Arc::new(icon()));
    let native =
        eframe::NativeOptions { viewport, renderer: eframe::Renderer::Glow, ..eframe::NativeOptions::default() };
    let shown = Rc::clone(console);
    let line = line.clone();
    let open = move |cx: &eframe::CreationContext| {
        let (waking, attention) = (cx.egui_ctx.clone(), Attention::default());
        let patience = attention.patience();
        line.wake_with(move |news| waking.request_repaint_after(patience.of(news)));
        shown.borrow_mut().open_in(&cx.egui_ctx);
        Ok(Box::new(Window { console: shown, fitted: false, attention }) as Box<dyn eframe::App>)
    };
    eframe::run_native(title, native, Box::new(open))
        .map_err(|error| format!("Couldn't start graphics (OpenGL): {}.", without_braces(&error.to_string())))
}

/// A message without the list of settings that some drivers put into it.
fn without_braces(text: &str) -> String {
    match text.split_once('{').zip(text.rsplit_once('}')) {
        Some(((head, _), (_, tail))) => format!("{}{tail}", head.trim_end()),
        None => text.to_owned(),
    }
}

fn placed(place: Option<WindowPlace>) -> egui::ViewportBuilder {
    let builder = egui::ViewportBuilder::default();
    let Some(WindowPlace { size, corner, maximized }) = place else { return builder.with_inner_size(SIZE) };
    let builder = builder.with_inner_size(size).with_maximized(maximized);
    match corner.filter(|_| !maximized) {
        Some(corner) => builder.with_position(corner),
        None => builder,
    }
}

/// Sleeps until the window is asked for or serving ends.
fn wait(line: &UiEnd, console: &Rc<RefCell<Console>>) -> Away {
    let (ring, rung) = sync_channel(1);
    // A full channel wakes as well.
    line.wake_with(move |_| {
        let _ = ring.try_send(());
    });
    loop {
        match console.borrow_mut().away() {
            Away::Stay => {}
            come => return come,
        }
        if rung.recv().is_err() {
            return Away::Over;
        }
    }
}

fn icon() -> egui::IconData {
    eframe::icon_data::from_png_bytes(include_bytes!("../../assets/icon.png")).unwrap_or_default()
}

struct Window {
    console: Rc<RefCell<Console>>,
    fitted: bool,
    attention: Attention,
}

impl Window {
    /// Brings a window that was on a larger or another monitor back onto this one. Once, as soon as its size is known.
    fn fit(&mut self, ctx: &egui::Context) {
        let (monitor, outer) = ctx.input(|input| (input.viewport().monitor_size, input.viewport().outer_rect));
        let (Some(monitor), Some(outer)) = (monitor, outer) else { return };
        if std::mem::replace(&mut self.fitted, true) || monitor.min_elem() < 100.0 {
            return;
        }
        if outer.width() > monitor.x || outer.height() > monitor.y {
            ctx.send_viewport_cmd(ViewportCommand::InnerSize(outer.size().min(monitor)));
        }
        let furthest = (monitor - outer.size()).max(egui::Vec2::ZERO).to_pos2();
        if outer.min.x > monitor.x - 80.0 || outer.min.y > monitor.y - 80.0 {
            ctx.send_viewport_cmd(ViewportCommand::OuterPosition(outer.min.min(furthest)));
        }
    }
}

impl eframe::App for Window {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.fit(ctx);
        let (now, touched) = ctx.input(|input| (input.time, !input.events.is_empty()));
        self.attention.frame(now, touched);
        self.console.borrow_mut().logic(ctx);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.console.borrow_mut().ui(ui);
    }
}

#[cfg(test)]
mod tests {
    use super::without_braces;

    #[test]
    fn what_a_driver_says_is_told_without_its_list_of_settings() {
        let said = "no config matching: Template { alpha: 8, of: Kind { x: 1 } }. Error: no display";
        assert_eq!(without_braces(said), "no config matching: Template. Error: no display");
        assert_eq!(without_braces("no display"), "no display");
    }
}
