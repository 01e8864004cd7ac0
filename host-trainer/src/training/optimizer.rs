//! The recipe's optimizer in burn, and the decay of weights.

use burn::{
    module::{Module, ModuleMapper, Param},
    optim::{AdamConfig, ModuleOptimizer, RmsPropConfig, SgdConfig, momentum::MomentumConfig},
    tensor::Tensor,
};

use crate::{architecture::Optimizer, network::Parameters};

pub(crate) fn optimizer(optimizer: Optimizer) -> ModuleOptimizer {
    match optimizer {
        Optimizer::RmsProp { rho, epsilon, .. } => {
            RmsPropConfig::new().with_alpha(rho).with_momentum(0.0).with_epsilon(epsilon).init()
        }
        Optimizer::Sgd { momentum, nesterov, .. } => {
            let config = MomentumConfig::new().with_momentum(momentum).with_dampening(0.0).with_nesterov(nesterov);
            SgdConfig::new().with_momentum((momentum > 0.0).then_some(config)).init()
        }
        Optimizer::Adam { beta_1, beta_2, epsilon, .. } => {
            AdamConfig::new().with_beta_1(beta_1).with_beta_2(beta_2).with_epsilon(epsilon).init()
        }
    }
}

/// Multiplies kernels and dense weights by `1 - share`; biases and batch normalization stay.
pub(crate) fn decay(parameters: Parameters, share: f64) -> Parameters {
    if share > 0.0 { parameters.map(&mut Shrink { factor: 1.0 - share }) } else { parameters }
}

struct Shrink {
    factor: f64,
}

impl ModuleMapper for Shrink {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if D < 2 {
            return param;
        }
        let (id, tensor, mapper) = param.consume();
        // Outside of the graph: the decay is no part of the gradient.
        let tensor = Tensor::from_inner(tensor.inner().mul_scalar(self.factor)).require_grad();
        Param::from_mapped_value(id, tensor, mapper)
    }
}
