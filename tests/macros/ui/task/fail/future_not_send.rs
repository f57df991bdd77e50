use prefect::prelude::*;

#[task]
async fn a() -> u8 {
    let held = std::rc::Rc::new(1);
    std::future::ready(()).await;
    *held
}

fn main() {}
