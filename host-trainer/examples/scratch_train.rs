//! scratch
use std::io::Read;
use std::sync::atomic::AtomicBool;
use host_trainer::{architecture::Architecture, training::*};
#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (floor, epochs, out, seed) = (args[1].clone(), args[2].parse::<usize>().unwrap(), args[3].clone(), args[4].parse::<u64>().unwrap());
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open("/work/shared/data/fer2013.csv.gz").unwrap()).read_to_string(&mut text).unwrap();
    let (mut ti, mut tl, mut vi, mut vl) = (vec![], vec![], vec![], vec![]);
    let source = Architecture::find("levorse").unwrap().source.replace("sigma_floor = 4.0", &format!("sigma_floor = {floor}"));
    let arch = Architecture::parse("levorse.toml", &source).unwrap();
    let shared::preprocessing::Preprocessing::Local { sigma_floor } = arch.preprocessing;
    let t = std::time::Instant::now();
    let mut n = 0.0;
    for line in text.lines().skip(1) {
        let mut p = line.split(',');
        let label: u8 = p.next().unwrap().parse().unwrap();
        let px: Vec<u8> = p.next().unwrap().split(' ').map(|v| v.parse().unwrap()).collect();
        let face: [u8; 2304] = px.try_into().unwrap();
        let mut q = [0i8; 2304];
        let t = std::time::Instant::now();
        firmware::normalization::normalize(&face, sigma_floor, &mut q);
        n += t.elapsed().as_secs_f64();
        assert!(q.iter().all(|v| v.unsigned_abs() <= 126));
        if p.next().unwrap() == "Training" { ti.extend(q); tl.push(label) } else { vi.extend(q); vl.push(label) }
    }
    println!("{} {} load {:?} normalize {n:.2}s floor {sigma_floor}", tl.len(), vl.len(), t.elapsed());
    let mut c = Configuration::new(&arch, "levorse.toml", seed, Some("fer2013.csv.gz".into()), "FER2013".into());
    c.epochs = epochs;
    let run = match RunFolder::open(out.as_ref()) { Ok((r, _)) => r, Err(_) => RunFolder::create(out.as_ref(), &c).unwrap() };
    let mut steps = 0;
    train(&c, LabelledFaces { images: &ti, labels: &tl }, LabelledFaces { images: &vi, labels: &vl }, &run, &AtomicBool::new(false), &mut |p| match p {
        Progress::Step { epoch, images, loss, accuracy, images_per_second, .. } => { steps += 1; if steps % 100 == 0 { println!("{epoch} {images} {loss:.4} {accuracy:.4} {images_per_second:.0}/s") } }
        Progress::Epoch { metrics, .. } => println!("{metrics:?}"),
    }).unwrap();
}
