//! Steps by the gradient of a place nearby where the loss is highest, which end in wider valleys (Foret et al. 2021,
//! "Sharpness-Aware Minimization for Efficiently Improving Generalization", algorithm 1).

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::Tensor,
};

use crate::network::Parameters;

/// The parameters after a step of length `radius` up the gradient, which is, to first order, where the loss is highest within
/// that distance: `w + radius g / |g|` over all parameters together. The running statistics stay.
pub(super) fn highest_nearby(parameters: &Parameters, gradients: &GradientsParams, radius: f32) -> Parameters {
    let mut square = Square { gradients, sum: 0.0 };
    parameters.visit(&mut square);
    let norm = square.sum.sqrt().max(f64::MIN_POSITIVE);
    let climb = &mut Climb { gradients, factor: f64::from(radius) / norm };
    parameters.clone().map(climb).with_own_statistics()
}

/// The squared length of a gradient.
struct Square<'a> {
    gradients: &'a GradientsParams,
    sum: f64,
}

impl ModuleVisitor for Square<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.sum += f64::from((gradient.clone() * gradient).sum().into_scalar::<f32>());
        }
    }
}

struct Climb<'a> {
    gradients: &'a GradientsParams,
    factor: f64,
}

impl ModuleMapper for Climb<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.gradients.get::<D>(param.id) else { return param };
        let (id, tensor, mapper) = param.consume();
        // A place to begin at, outside of the graph that led to the gradient.
        let tensor = Tensor::from_inner(tensor.inner() + gradient * self.factor).require_grad();
        Param::from_mapped_value(id, tensor, mapper)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::{
        architecture::Architecture,
        network::{Mode, Network},
    };

    #[test]
    fn a_step_of_the_radius_goes_up_and_leaves_the_network_as_it_was() {
        let text = "name = \"a\"\n[preprocessing]\nkind = \"grey\"\ndivisor = 255\n[recipe]\nbatch_size = 1\nepochs = 1\n\
            optimizer = { kind = \"sgd\" }\n[[layer]]\nkind = \"conv2d\"\nfilters = 2\nkernel = 3\nstride = 8\n\
            [[layer]]\nkind = \"batch_norm\"\n[[layer]]\nkind = \"relu\"\n[[layer]]\nkind = \"flatten\"\n\
            [[layer]]\nkind = \"dense\"\nunits = 7\n";
        let device = Device::flex().autodiff();
        let architecture = Arc::new(Architecture::parse("a.toml", text).expect("sound"));
        let network = Network::new(architecture.clone(), 3, &device);
        let faces: Vec<f32> = (0..4 * 48 * 48).map(|index| (index * 37 % 101) as f32 / 101.0).collect();
        let faces = Tensor::<4>::from_data(TensorData::new(faces, [4, 1, 48, 48]), &device);
        let loss = |network: &Network| {
            let logits = network.forward(faces.clone(), &mut Mode::Training(&mut rand::SeedableRng::seed_from_u64(1)));
            (logits.clone() * logits).sum()
        };
        let before = loss(&network);
        let gradients = GradientsParams::from_grads(before.backward(), &network.parameters);
        let at = network.parameters.to_flat();
        let parameters = highest_nearby(&network.parameters, &gradients, 0.05);
        let higher = Network { architecture, parameters };
        let learned = |parameters: &Parameters| {
            // Statistics, which are no parameters, stand at the end: a mean and a variance for each of two channels.
            let values = parameters.to_flat();
            values[..values.len() - 4].to_vec()
        };
        let pairs = learned(&higher.parameters).into_iter().zip(learned(&network.parameters));
        let distance = pairs.map(|(up, at)| (up - at).powi(2)).sum::<f32>().sqrt();
        assert!((distance - 0.05).abs() < 1e-4, "{distance}");
        let (before, after) = (before.into_scalar::<f32>(), loss(&higher).into_scalar::<f32>());
        assert!(after > before, "{before} {after}");
        assert_eq!(network.parameters.to_flat(), at);
    }
}
