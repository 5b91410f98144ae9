//! The window: eframe round the console.
//!
//! Invariant: nothing is drawn unless the person does something or the background has published; waking is at most four
//! times a second, thirty while the person drags.
//! Absent on purpose: the proxy, which lives on when the window is closed.

use std::sync::Arc;
use std::time::Duration;

use crate::contract::UiEnd;

use super::shell::Console;

const CALM: Duration = Duration::from_millis(250);

/// How the window opens.
#[derive(Clone, Debug)]
pub struct WindowOptions {
    /// In its title bar.
    pub title: String,
    /// Width and height in points.
    pub size: [f32; 2],
}

impl Default for WindowOptions {
    fn default() -> Self {
        Self { title: "Tidegate".to_owned(), size: [1280.0, 800.0] }
    }
}

/// Opens the window and returns when it is closed. Must run on the main thread.
///
/// # Errors
/// A sentence for the person if no window can be opened (no display, no OpenGL).
pub fn run(line: UiEnd, options: &WindowOptions) -> Result<(), String> {
    let viewport = egui::ViewportBuilder::default()
        .with_title(options.title.as_str())
        .with_app_id("org.tidegate.Tidegate")
        .with_inner_size(options.size)
        .with_min_inner_size([760.0, 520.0])
        .with_icon(Arc::new(icon()));
    let native =
        eframe::NativeOptions { viewport, renderer: eframe::Renderer::Glow, ..eframe::NativeOptions::default() };
    eframe::run_native(&options.title, native, Box::new(|cx| Ok(Box::new(Window::new(line, &cx.egui_ctx)))))
        .map_err(|error| format!("Couldn't open a window: {error}. The proxy is not affected."))
}

fn icon() -> egui::IconData {
    eframe::icon_data::from_png_bytes(include_bytes!("../../assets/icon.png")).unwrap_or_default()
}

struct Window {
    console: Console,
}

impl Window {
    fn new(line: UiEnd, ctx: &egui::Context) -> Self {
        let waking = ctx.clone();
        line.wake_with(move || waking.request_repaint_after(CALM));
        Self { console: Console::new(line, ctx) }
    }
}

impl eframe::App for Window {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.console.logic(ctx);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.console.ui(ui);
    }
}
