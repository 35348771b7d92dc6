//! Keeping a trained model: where it was wanted, or else where there is room.

use std::path::{Path, PathBuf};

use ibex::train::Model;

use crate::failure::Failure;

/// Refuses a name by which Keras would not know the kind of the file.
pub(super) fn check_ending(path: &Path) -> Result<(), Failure> {
    if path.extension().is_some_and(|ending| ending == "keras") {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "`--out` must end in `.keras`\n  received  {}\n  help: Keras knows a model file by this \
         ending",
        path.display()
    )))
}

/// Saves a model that is trained; if that is not possible any more, saves it elsewhere and says
/// where.
///
/// # Errors
/// If it could not be saved at `path`.
pub(super) fn save(model: &mut Model, path: &Path) -> Result<(), Failure> {
    // Saving takes memory too, and there are no more steps.
    model.release_programs();
    let Err(error) = model.save(path) else { return Ok(()) };
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = format!("{name}-rescued-{}.keras", std::process::id());
    let rescued = [PathBuf::from("."), std::env::temp_dir()]
        .into_iter()
        .map(|folder| folder.join(&name))
        .find(|place| model.save(place).is_ok());
    let fate = match rescued {
        Some(place) => format!("the trained model is in `{}` instead", place.display()),
        None => "the trained model could not be saved elsewhere either".to_string(),
    };
    Err(Failure::Work(format!("{error}\n  note: {fate}")))
}

/// Saves a model that was not trained to the end, beside the place where it should have gone; says
/// what has become of it.
pub(super) fn save_interrupted(model: &Model, out: &Path) -> String {
    let name = out.file_stem().unwrap_or_default().to_string_lossy();
    let place = out.with_file_name(format!("{name}-interrupted.keras"));
    match model.save(&place) {
        Ok(()) => format!("the model so far is in `{}`", place.display()),
        Err(error) => format!("the model so far could not be saved: {error}"),
    }
}
