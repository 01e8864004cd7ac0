//! The operations as steps of the autodiff graph.

use super::backend::{LayerBackend, Planes};
use super::fake_quantize::Steps;
use super::pooling::Pool;
use burn::backend::autodiff::{
    Autodiff,
    checkpoint::base::Checkpointer,
    checkpoint::strategy::CheckpointStrategy,
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use burn::backend::{AutodiffBackend, TensorMetadata, tensor::FloatTensor};

#[derive(Debug)]
struct Normalize;

impl<B: LayerBackend> Backward<B, 3> for Normalize {
    type State = ([FloatTensor<B>; 4], f64, bool);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let ([x, gamma, beta, statistics], epsilon, rectify) = ops.state;
        let gradient = grads.consume::<B>(&ops.node);
        let (x, gamma, beta) = B::normalize_backward(x, gamma, beta, statistics, gradient, epsilon, rectify);
        for (node, gradient) in ops.parents.into_iter().zip([x, gamma, beta]) {
            if let Some(node) = node {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct Rectify;

impl<B: LayerBackend> Backward<B, 1> for Rectify {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        if let [Some(node)] = ops.parents {
            grads.register::<B>(node.id, B::rectify_backward(ops.state, gradient));
        }
    }
}

#[derive(Debug)]
struct RoundToSteps;

impl<B: LayerBackend> Backward<B, 1> for RoundToSteps {
    type State = (FloatTensor<B>, Steps);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        if let [Some(node)] = ops.parents {
            let (x, steps) = ops.state;
            grads.register::<B>(node.id, B::round_to_steps_backward(x, gradient, steps));
        }
    }
}

#[derive(Debug)]
struct LargestOfWindows;

impl<B: LayerBackend> Backward<B, 1> for LargestOfWindows {
    type State = (FloatTensor<B>, Pool);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        if let [Some(node)] = ops.parents {
            let (x, pool) = ops.state;
            grads.register::<B>(node.id, B::largest_of_windows_backward(x, gradient, pool));
        }
    }
}

#[derive(Debug)]
struct PlaneMeans;

impl<B: LayerBackend> Backward<B, 1> for PlaneMeans {
    type State = Planes;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        if let [Some(node)] = ops.parents {
            grads.register::<B>(node.id, B::plane_means_backward(gradient, ops.state));
        }
    }
}

/// The gradients of gradients, which training never asks for.
fn second_order() -> ! {
    panic!("this gradient is not differentiable")
}

impl<B: LayerBackend, C: CheckpointStrategy> LayerBackend for Autodiff<B, C> {
    fn channel_statistics(x: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::from_inner(B::channel_statistics(x.into_primitive()))
    }

    fn normalize(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        statistics: FloatTensor<Self>,
        epsilon: f64,
        rectify: bool,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), gamma.node(), beta.node()];
        let [x, gamma, beta, statistics] = [x, gamma, beta, statistics].map(|tensor| tensor.into_primitive());
        let output = B::normalize(x.clone(), gamma.clone(), beta.clone(), statistics.clone(), epsilon, rectify);
        match Normalize.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(([x, gamma, beta, statistics], epsilon, rectify), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn normalize_backward(
        _x: FloatTensor<Self>,
        _gamma: FloatTensor<Self>,
        _beta: FloatTensor<Self>,
        _statistics: FloatTensor<Self>,
        _gradient: FloatTensor<Self>,
        _epsilon: f64,
        _rectify: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        second_order()
    }

    fn rectify(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let output = B::rectify(x);
        match Rectify.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(output.clone(), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn rectify_backward(_output: FloatTensor<Self>, _gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        second_order()
    }

    fn round_to_steps(x: FloatTensor<Self>, steps: Steps) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let output = B::round_to_steps(x.clone(), steps);
        match RoundToSteps.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x, steps), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn round_to_steps_backward(
        _x: FloatTensor<Self>,
        _gradient: FloatTensor<Self>,
        _steps: Steps,
    ) -> FloatTensor<Self> {
        second_order()
    }

    fn largest_of_windows(x: FloatTensor<Self>, pool: Pool) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let output = B::largest_of_windows(x.clone(), pool);
        match LargestOfWindows.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x, pool), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn largest_of_windows_backward(
        _x: FloatTensor<Self>,
        _gradient: FloatTensor<Self>,
        _pool: Pool,
    ) -> FloatTensor<Self> {
        second_order()
    }

    fn plane_means(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let [_, _, height, width] = x.shape().dims();
        let images = Planes { size: [height, width], dtype: x.dtype() };
        let output = B::plane_means(x);
        match PlaneMeans.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(images, output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn plane_means_backward(_gradient: FloatTensor<Self>, _images: Planes) -> FloatTensor<Self> {
        second_order()
    }
}
