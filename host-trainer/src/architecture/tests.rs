use super::*;

fn error(text: &str) -> String {
    Architecture::parse("net.toml", text).expect_err("this is no network").to_string()
}

fn network(layers: &str) -> String {
    format!(
        "name = \"net\"\n[preprocessing]\nkind = \"local\"\nsigma_floor = 1.5\n[recipe]\nbatch_size = 32\nepochs = 2\n\
         optimizer = {{ kind = \"rmsprop\" }}\n{layers}"
    )
}

const HEAD: &str = "[[layer]]\nkind = \"global_average_pool\"\n[[layer]]\nkind = \"dense\"\nunits = 7\n";

#[test]
fn the_papers_network_has_its_size() {
    let levorse = Architecture::find("levorse").expect("built in");
    let layers = 0..levorse.layers.len();
    let macs: u64 = layers.clone().map(|layer| levorse.macs(layer)).sum();
    let parameters: u64 = layers.clone().map(|layer| levorse.parameter_count(layer)).sum();
    assert_eq!(macs, 17_230_320);
    assert_eq!(parameters, 180_965);
    let flatten = layers.into_iter().find(|&i| levorse.layers[i].kind == LayerKind::Flatten).expect("flattens");
    assert_eq!(levorse.output_shape(flatten), Shape::vector(1152));
    assert_eq!(levorse.recipe.batch_size, 32);
    assert_eq!(levorse.recipe.epochs, 20);
    let keras = Optimizer::RmsProp { learning_rate: 1e-3, rho: 0.9, epsilon: 1e-7 };
    assert_eq!(levorse.recipe.optimizer, keras);
}

#[test]
fn another_label_set_changes_the_units_of_the_last_layer_and_nothing_else() {
    let levorse = Architecture::find("levorse").expect("built in");
    assert_eq!(levorse.labels(), LabelSet::Fer2013);
    assert_eq!(levorse.clone().with_labels(LabelSet::Fer2013).as_ref(), Ok(&levorse));
    let eight = levorse.clone().with_labels(LabelSet::FerPlus).expect("its last layer is dense");
    let last = levorse.layers.len() - 1;
    assert_eq!(eight.labels(), LabelSet::FerPlus);
    assert_eq!(eight.output_shape(last), Shape::vector(8));
    assert_eq!(
        (&eight.name, &eight.recipe, eight.preprocessing),
        (&levorse.name, &levorse.recipe, levorse.preprocessing)
    );
    assert_eq!(eight.layers[..last], levorse.layers[..last]);
    let read = Architecture::parse("levorse.toml", &eight.source).expect("its own text");
    assert_eq!(read, eight);
    assert_eq!(eight.with_labels(LabelSet::Fer2013).expect("dense").layers, levorse.layers);
}

#[test]
fn a_recipe_must_fit_the_label_set() {
    let with = |recipe: &str| network(HEAD).replace("epochs = 2\n", &format!("epochs = 2\n{recipe}\n"));
    let seven = with("class_weights = [1, 1, 1, 1, 1, 1, 2]");
    let architecture = Architecture::parse("net.toml", &seven).expect("one weight an emotion");
    let error_of =
        |architecture: Architecture| architecture.with_labels(LabelSet::FerPlus).expect_err("no fit").to_string();
    assert!(error_of(architecture).contains("`class_weights` must be 8 numbers"));
    assert!(error(&with("class_weights = [1, 2]")).contains("`class_weights` must be 7 numbers"));
    let adjusted = Architecture::parse("net.toml", &with("logit_adjustment = [0, 1, 0, 0, 0, 0, 0]"))
        .expect("one shift an emotion");
    assert!(error_of(adjusted).contains("`logit_adjustment` must be 8 finite numbers"));
    assert!(error(&with("logit_adjustment = [0, 1, 0, 0, 0, 0, nan]")).contains("must be 7 finite numbers"));
    let reweighted = Architecture::parse("net.toml", &with("reweighting = { after = 1 }")).expect("seven emotions");
    assert!(error_of(reweighted).contains("`reweighting` is for wrong labels of FER2013"));
    let text =
        network("[[layer]]\nkind = \"conv2d\"\nfilters = 7\nkernel = 3\n[[layer]]\nkind = \"global_average_pool\"\n");
    let convolved = Architecture::parse("net.toml", &text).expect("seven logits");
    let adjusted = text.replace("epochs = 2\n", "epochs = 2\nlogit_adjustment = [0, 1, 0, 0, 0, 0, 0]\n");
    assert!(error(&adjusted).contains("needs a `dense` layer at the end"));
    assert!(error_of(convolved).contains("the last layer is not `dense`; make it give 8 logits"));
}

#[test]
fn a_residual_names_its_inputs() {
    let text = network(&format!(
        "[[layer]]\nkind = \"conv2d\"\nname = \"a\"\nfilters = 4\nkernel = [3, 5]\nstride = 2\n\
         [[layer]]\nkind = \"conv2d\"\nname = \"b\"\nfilters = 4\nkernel = 3\n\
         [[layer]]\nkind = \"add\"\ninputs = [\"a\", \"b\"]\n{HEAD}"
    ));
    let net = Architecture::parse("net.toml", &text).expect("sound");
    assert_eq!(net.layers[2].inputs, [Some(0), Some(1)]);
    assert_eq!(net.output_shape(2), Shape::new(24, 24, 4));
    assert_eq!(net.preprocessing, Preprocessing::Local { sigma_floor: 384 });
}

#[test]
fn errors_name_the_file_the_layer_and_the_remedy() {
    let unknown = network("[[layer]]\nkind = \"relu\"\n[[layer]]\nkind = \"add\"\ninputs = [\"x\", \"input\"]\n");
    assert_eq!(error(&unknown), "net.toml: layer 2 (Add): no layer before it is named `x`");
    let missing = network("[[layer]]\nkind = \"conv2d\"\nkernel = 3\n");
    assert_eq!(error(&missing), "net.toml: layer 1 (Conv2d): `filters` is missing");
    let foreign = network("[[layer]]\nkind = \"relu\"\nunits = 3\n");
    assert_eq!(error(&foreign), "net.toml: layer 1 (Relu): it has no `units`");
    let six = network("[[layer]]\nkind = \"dense\"\nunits = 6\n");
    assert!(error(&six).contains("one logit for each of the 7 emotions"), "{}", error(&six));
    let large = network("[[layer]]\nkind = \"max_pool2d\"\nkernel = 49\n");
    assert!(error(&large).contains("no output for an input of 48x48x1"), "{}", error(&large));
    let typo = network("[[layer]]\nkind = \"conv3d\"\n");
    assert!(error(&typo).contains("line 10"), "{}", error(&typo));
    assert!(error("name = 3").contains("net.toml"));
    for name in [String::new(), "x".repeat(65), "a\\tb".into()] {
        let unnamed = network(HEAD).replace("\"net\"", &format!("\"{name}\""));
        assert_eq!(error(&unnamed), "net.toml: `name` must have 1 to 64 bytes and no control characters");
    }
}

#[test]
fn every_kind_of_preprocessing_is_read_and_a_floor_that_means_nothing_is_named() {
    let with = |preprocessing: &str| network(HEAD).replace("kind = \"local\"\nsigma_floor = 1.5\n", preprocessing);
    let read = |preprocessing: &str| Architecture::parse("net.toml", &with(preprocessing)).map(|net| net.preprocessing);
    let both = "kind = \"local_and_global\"\nlocal_floor = 4\nglobal_floor = 0.5\n";
    assert_eq!(read("kind = \"global\"\nsigma_floor = 2\n"), Ok(Preprocessing::Global { sigma_floor: 512 }));
    assert_eq!(read("kind = \"grey\"\ndivisor = 255\n"), Ok(Preprocessing::Grey { divisor: 255 }));
    assert_eq!(read(both), Ok(Preprocessing::LocalAndGlobal { local_floor: 1024, global_floor: 128 }));
    assert_eq!(Architecture::parse("net.toml", &with(both)).map(|net| net.input_shape()), Ok(Shape::new(48, 48, 2)));
    let large = "kind = \"local_and_global\"\nlocal_floor = 4\nglobal_floor = 256\n";
    assert!(error(&with(large)).contains("`global_floor` is 256"), "{}", error(&with(large)));
}

#[test]
fn a_described_network_is_read_as_the_same_network() {
    let text = network(&format!(
        "[[layer]]\nkind = \"conv2d\"\nname = \"a\"\nfilters = 4\nkernel = [3, 5]\nstride = 2\n\
         [[layer]]\nkind = \"relu6\"\n[[layer]]\nkind = \"depthwise_conv2d\"\nkernel = 3\npadding = \"same\"\n\
         [[layer]]\nkind = \"batch_norm\"\n[[layer]]\nkind = \"add\"\ninputs = [\"a\", \"batch_norm_4\"]\n\
         [[layer]]\nkind = \"spatial_dropout\"\nrate = 0.25\n[[layer]]\nkind = \"average_pool2d\"\nkernel = [2, 3]\n{HEAD}"
    ));
    let net = Architecture::parse("net.toml", &text).expect("sound");
    let Architecture { name, preprocessing, layers, recipe, .. } = &net;
    let again = Architecture::describe("again.toml", name, *preprocessing, recipe, layers).expect("sound");
    assert_eq!(Architecture { source: net.source.clone(), ..again }, net);
}

#[test]
fn ranges_are_read_and_what_lacks_one_is_named() {
    let with = |convolution: &str, relu: &str, dense: &str| {
        network(&format!(
            "[[layer]]\nkind = \"conv2d\"\nname = \"a\"\nfilters = 4\nkernel = 3\n{convolution}\n\
             [[layer]]\nkind = \"relu\"\n{relu}\n[[layer]]\nkind = \"max_pool2d\"\nkernel = 48\n\
             [[layer]]\nkind = \"flatten\"\n[[layer]]\nkind = \"dense\"\nunits = 7\n{dense}\n"
        ))
    };
    let ranges = ["range = [0.0, 2.55]", "range = [-1.0, 1.55]"];
    let net = Architecture::parse("net.toml", &with("", ranges[0], ranges[1])).expect("sound");
    assert!(net.is_quantization_aware());
    assert_eq!(net.input_quantization(0).map(|q| q.zero_point), Some(0), "the image's own");
    let dense = net.input_quantization(4).expect("the relu's, through pool and flatten");
    assert!((dense.scale - 0.01).abs() < 1e-6 && dense.zero_point == -128, "{dense:?}");
    let plain = Architecture::parse("net.toml", &with("", "", "")).expect("sound");
    assert!(!plain.is_quantization_aware() && plain.input_quantization(4).is_none());

    let lacking = error(&with("", "", ranges[1]));
    assert!(lacking.contains("`a` has no `range`"), "{lacking}");
    let outside = error(&with("", "range = [0.5, 1.0]", ranges[1]));
    assert!(outside.contains("must be finite and hold zero"), "{outside}");
    let normalized =
        with("", ranges[0], ranges[1]).replace("kind = \"max_pool2d\"\nkernel = 48", "kind = \"batch_norm\"");
    assert!(error(&normalized).contains("batch normalization"), "{}", error(&normalized));
}

#[test]
fn progressive_resizing_needs_a_network_that_fits_every_size() {
    let resized = |start: &str, layers: &str| {
        network(layers).replacen(
            "[[layer]]",
            &format!("[recipe.progressive_resizing]\nstart = {start}\nshare = 0.5\n[[layer]]"),
            1,
        )
    };
    let convolution = "[[layer]]\nkind = \"conv2d\"\nfilters = 4\nkernel = 3\nstride = 2\n";
    let dense = "[[layer]]\nkind = \"flatten\"\n[[layer]]\nkind = \"dense\"\nunits = 7\n";
    let pooled = format!("{convolution}[[layer]]\nkind = \"global_average_pool\"\n{dense}");
    let net = Architecture::parse("net.toml", &resized("32", &pooled)).expect("sound");
    let resizing = net.recipe.progressive_resizing.expect("there");
    assert_eq!([0, 24, 25, 49, 50, 99].map(|done| resizing.size(done, 100)), [32, 32, 40, 40, 48, 48]);
    assert_eq!(ProgressiveResizing { share: 0.0, ..resizing }.size(0, 100), 48);

    let flat = error(&resized("32", &format!("{convolution}{dense}")));
    assert!(flat.contains("32x32") && flat.contains("`flatten_2`"), "{flat}");
    let wide = error(&resized("40", &format!("[[layer]]\nkind = \"max_pool2d\"\nkernel = 48\n{dense}")));
    assert!(wide.contains("`max_pool2d_1` does not fit"), "{wide}");
    assert!(error(&resized("60", &pooled)).contains("must be 8 to 48"));
}

#[test]
fn teachers_need_a_distillation() {
    let text = network("[[layer]]\nkind = \"flatten\"\n[[layer]]\nkind = \"dense\"\nunits = 7\n");
    let taught = |recipe: &str| text.replacen("[[layer]]", &format!("{recipe}\n[[layer]]"), 1);
    let teachers = "[recipe.distillation]\nshare = 0.5\n";
    assert!(Architecture::parse("net.toml", &taught(teachers)).is_ok());
    let alone = text.replacen("[recipe]", "[recipe]\nteachers = [\"levorse\"]", 1);
    assert!(error(&alone).contains("no `distillation`"), "{}", error(&alone));
}

#[test]
fn views_are_for_teachers_that_see_them_and_of_the_same_faces_in_every_epoch() {
    let text = network("[[layer]]\nkind = \"flatten\"\n[[layer]]\nkind = \"dense\"\nunits = 7\n");
    let taught = |recipe: &str| text.replacen("[recipe]", &format!("[recipe]\n{recipe}"), 1);
    let views = "distillation = { share = 0.5, same_views = true, views = 30 }";
    let sound = Architecture::parse("net.toml", &taught(views)).expect("sound");
    let words = sound.recipe.words().into_iter().find(|(name, _)| *name == "distillation").expect("told").1;
    assert!(words.ends_with("in 30 views each"), "{words}");
    assert!(error(&taught(&views.replace("same_views = true, ", ""))).contains("`same_views = true`"));
    for number in ["0", "1001"] {
        assert!(error(&taught(&views.replace("30", number))).contains("must be 1 to 1000"), "{number}");
    }
    for other in ["pretraining_epochs = 1", "reweighting = { after = 1, noise = \"anchors\" }"] {
        assert!(error(&taught(&format!("{views}\n{other}"))).contains("neither with"), "{other}");
    }
}

#[test]
fn the_networks_that_ship_keep_to_their_budgets() {
    for (name, weights, macs) in [
        ("pi", 2_000_000, 185_000_000),
        ("edge", 250_000, 45_000_000),
        ("edge-ferplus", 250_000, 45_000_000),
        ("pico", 100_000, 11_000_000),
    ] {
        let network = Architecture::find(name).expect("built in");
        let layers = 0..network.layers.len();
        assert!(layers.clone().map(|layer| network.parameter_count(layer)).sum::<u64>() <= weights, "{name}");
        assert!(layers.map(|layer| network.macs(layer)).sum::<u64>() <= macs, "{name}");
        assert!(network.recipe.teachers.iter().all(|teacher| Architecture::find(teacher).is_ok()), "{name}");
    }
}

#[test]
fn an_unknown_name_lists_the_known_ones() {
    let error = Architecture::find("lenet").expect_err("not built in").to_string();
    assert!(error.contains("levorse"), "{error}");
}
