"""Stages and gradients of torchvision's MobileNets with weights and images of sines.

    python tests/reference/mobilenet.py > tests/reference/mobilenet.json        (torch 2.6, torchvision 0.21)

packages/backbone-mobilenet/src/torchvision.test.ts compares with it: in training, with batch statistics, and with
fixed ones. Each weight is filled in our layout and turned into torch's. All in float64.
"""
import json
from functools import partial

import torch
from torch import nn
from torchvision.models import mobilenet_v2, mobilenet_v3_large, mobilenet_v3_small

HEIGHT, WIDTH = 64, 96
MODELS = {
    'mobilenet-v2': (mobilenet_v2, {}),
    'mobilenet-v3-large': (mobilenet_v3_large, {}),
    'mobilenet-v3-small': (mobilenet_v3_small, {}),
}
NORM = {'weight': 'gamma', 'bias': 'beta', 'running_mean': 'moving_mean', 'running_var': 'moving_variance'}


@torch.no_grad()
def fill(features, training):
    norms = {name for name, module in features.named_modules() if isinstance(module, nn.BatchNorm2d)}
    for key, tensor in features.state_dict().items():
        if key.endswith('num_batches_tracked'):
            continue
        layer, leaf = key.rsplit('.', 1)
        leaf = NORM[leaf] if layer in norms else {'weight': 'kernel', 'bias': 'bias'}[leaf]
        phase = sum(ord(c) for c in f'backbone.body.{layer}/{leaf}') % 97
        wave = torch.sin(1.7 * torch.arange(tensor.numel(), dtype=torch.float64) ** 2 + phase)
        if leaf == 'kernel':
            out, inside, kh, kw = tensor.shape
            tensor.copy_((wave * ((6 if training else 2.5) / tensor[0].numel()) ** 0.5).reshape(kh, kw, inside, out).permute(3, 2, 0, 1))
        else:
            tensor.copy_(1 + 0.3 * wave if leaf in ('gamma', 'moving_variance') else 0.2 * wave)


def run(name, width, training):
    make, more = MODELS[name]
    features = make(width_mult=width, **more).features.double().train(training)
    fill(features, training)
    i = torch.arange(2 * HEIGHT * WIDTH * 3, dtype=torch.float64)
    x = torch.sin(0.37 * i + torch.sin(0.011 * i)).reshape(2, HEIGHT, WIDTH, 3).permute(0, 3, 1, 2)
    last = {}
    for k, module in enumerate(features):
        x = module(x)
        last[HEIGHT // x.shape[2]] = (k, x)
    loss = 0
    for stride, (k, map) in last.items():
        y = map.permute(0, 2, 3, 1)
        loss = loss + (y * torch.cos(0.9 * torch.arange(y.numel(), dtype=torch.float64)).reshape(y.shape)).mean()
    loss.backward()
    gradients = {key: [p.grad.sum().item(), p.grad.norm().item()] for key, p in features.named_parameters()}
    picked = lambda key: key.split('.')[0] in ('0', '1', '4', str(len(features) - 2), str(len(features) - 1))
    return {
        'name': name, 'width': width, 'training': training, 'parameters': sum(p.numel() for p in features.parameters()),
        'stages': [{'stride': stride, 'module': k, 'shape': list(map.permute(0, 2, 3, 1).shape), 'sum': map.sum().item(),
                    'norm': map.norm().item(), 'last': map[1, -1, -1, -1].item()} for stride, (k, map) in last.items()],
        'loss': loss.item(),
        'gradients': {key: [float(f'{v:.9g}') for v in gradients[key]] for key in gradients if picked(key)},
        'statistics': {key: float(f'{value.norm().item():.9g}') for key, value in features.state_dict().items()
                       if training and 'running' in key and picked(key)},
    }


if __name__ == '__main__':
    # V2 at 0.35 has a value within a rounding of a ReLU6's corner: its gradients jump by half a percent in float32.
    cases = [run(name, width, training) for name, width in (('mobilenet-v2', 0.5), ('mobilenet-v3-large', 0.5), ('mobilenet-v3-small', 0.75))
             for training in (True, False)]
    print(json.dumps({'height': HEIGHT, 'width': WIDTH, 'cases': cases}))
