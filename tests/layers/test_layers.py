"""Single layers against values computed by hand; `test_golden.py` compares them with the C Darknet."""

from __future__ import annotations

import pytest
import torch

from yolo.darknet.cfg_file import CfgFile
from yolo.errors import CfgError
from yolo.model.network import Darknet


def network(layers: str, width: int = 4, height: int = 4, channels: int = 1) -> Darknet:
    return Darknet.from_cfg(
        CfgFile.parse(f"[net]\nwidth={width}\nheight={height}\nchannels={channels}\n{layers}", "a.cfg")
    )


def ramp(width: int, height: int, channels: int = 1) -> torch.Tensor:
    return torch.arange(channels * height * width, dtype=torch.float32).view(1, channels, height, width)


@pytest.mark.parametrize(
    ("keys", "width", "expected"),
    [
        ("size=2\nstride=2", 4, [1, 3]),
        ("size=2\nstride=2", 5, [1, 3, 4]),  # an odd map keeps its last column
        ("size=2\nstride=1", 4, [1, 2, 3, 3]),  # padded to the right only
        ("size=3\nstride=1", 4, [1, 2, 3, 3]),
        ("stride=2", 4, [1, 3]),  # size is the stride
    ],
)
def test_maxpool_row(keys: str, width: int, expected: list[float]) -> None:
    model = network(f"[maxpool]\n{keys}\nstride_y=1", width, 1)
    row = ramp(width, 1)
    (out,) = model(row)
    assert out[0, 0, 0].tolist() == expected
    assert tuple(out.shape[1:]) == model.nodes[0].out_shape


def test_maxpool_ignores_padding() -> None:
    (out,) = network("[maxpool]\nsize=2\nstride=1")(ramp(4, 4) - 100)
    assert out.max() == 15 - 100


def test_route_concatenates_one_group_of_each_input() -> None:
    model = network("[upsample]\nstride=1\n[route]\nlayers=-1,0\ngroups=2\ngroup_id=1", 2, 2, 4)
    (out,) = model(ramp(2, 2, 4))
    assert out[0, :, 0, 0].tolist() == [8, 12, 8, 12]


def test_shortcut_adds_the_common_channels() -> None:
    conv = "[convolutional]\nactivation=linear\nfilters="
    for filters in (2, 3, 4):
        model = network(f"{conv}3\n{conv}{filters}\n[shortcut]\nfrom=-2\n")
        x = torch.rand(1, 1, 4, 4)
        first = model.layers[0](x)
        second = model.layers[1](first)
        (out,) = model(x)
        common = min(3, filters)
        assert torch.equal(out[:, :common], second[:, :common] + first[:, :common])
        assert torch.equal(out[:, common:], second[:, common:])


def test_upsample_repeats_and_scales() -> None:
    (out,) = network("[upsample]\nstride=2\nscale=3", 2, 1)(torch.tensor([[[[1.0, 2.0]]]]))
    assert out[0, 0].tolist() == [[3, 3, 6, 6], [3, 3, 6, 6]]


def test_dilated_convolution_keeps_darknets_output_size() -> None:
    model = network("[convolutional]\nsize=3\npad=1\ndilation=2\nactivation=linear", 9, 9)
    (out,) = model(torch.rand(1, 1, 9, 9))
    assert tuple(out.shape[1:]) == model.nodes[0].out_shape == (1, 9, 9)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("[warp]", "a.cfg:5: unknown section [warp]; known: activation, avg, avgpool,"),
        ("[convolutional]\nsize=0", "a.cfg:6: 'size=0': must be 1 or more"),
        ("[convolutional]\nsize=9", "a.cfg:6: 'size=9': the 4 x 4 input is too small for it"),
        ("[convolutional]\nfilters=4\ngroups=3", "a.cfg:6: 'filters=4': must be a multiple of groups=3"),
        ("[route]\nlayers=0", "a.cfg:6: 'layers=0': layer 0 is not before this one"),
        ("[route]", "a.cfg:5: [route] needs 'layers='; add it"),
        ("[maxpool]\nstride=2\n[shortcut]\nfrom=-2", "a.cfg:8: 'from=-2': layer -1 is not before this one"),
        (
            "[maxpool]\nstride=2\n[upsample]\n[shortcut]\nfrom=-2",
            "a.cfg:9: 'from=-2': a map of 2 x 2 x 1 cannot be added to one of 4 x 4 x 1",
        ),
        (
            "[convolutional]\nfilters=18\n[yolo]\nclasses=2\nnum=3\nanchors=1,1,2,2,3,3",
            "a.cfg:8: 'classes=2': needs 21 input channels, has 18; set filters=21 in the layer before",
        ),
        ("[yolo]\nclasses=2\nnum=3\nmask=3\nanchors=1,1,2,2,3,3", "a.cfg:8: 'mask=3': anchor 3, but num=3; use 0..2"),
        ("[yolo]\nnum=3\nanchors=1,1", "a.cfg:7: 'anchors=1,1': num=3 needs 6 numbers"),
    ],
)
def test_error_names_line_key_and_remedy(layers: str, message: str) -> None:
    with pytest.raises(CfgError) as caught:
        network(layers)
    assert str(caught.value).startswith(message)


def test_yolo_decode_by_hand() -> None:
    model = network(
        "[convolutional]\nfilters=7\nactivation=linear\n[yolo]\nclasses=2\nnum=2\nmask=1\nanchors=1,1,10,20\nscale_x_y=2",
        2,
        1,
    )
    raw = torch.zeros(1, 7, 1, 2)
    raw[0, 2, 0, 1] = 1.0  # width of the second cell: exp(1) anchors
    raw[0, 5, 0, 1] = 100.0  # its first class: probability 1
    predictions = model.decode([raw], image_size=(32, 64))
    # cells are 32 pixels; sigmoid(0) * 2 - 0.5 = 0.5: so centres are in the middle of the cells
    width = 10 * torch.tensor(1.0).exp().item()
    expected = [[16 - 5, 16 - 10, 16 + 5, 16 + 10], [48 - width / 2, 6, 48 + width / 2, 26]]
    torch.testing.assert_close(predictions.boxes_xyxy[0], torch.tensor(expected))
    torch.testing.assert_close(predictions.scores[0], torch.tensor([[0.25, 0.25], [0.5, 0.25]]))


def test_shortcut_of_a_larger_map_adds_every_second_cell() -> None:
    (out,) = network("[upsample]\nstride=1\n[maxpool]\nstride=2\n[shortcut]\nfrom=-2")(ramp(4, 4))
    assert out[0, 0].tolist() == [[5 + 0, 7 + 2], [13 + 8, 15 + 10]]


def test_weighted_shortcut_normalizes_its_weights() -> None:
    keys = "weights_type=per_feature\nweights_normalization=relu"
    model = network(f"[upsample]\nstride=1\n[upsample]\nstride=1\nscale=2\n[shortcut]\nfrom=-2\n{keys}")
    weight = model.state_dict()["layers.2.weight"]
    weight.copy_(torch.tensor([3.0, 1.0]))
    (out,) = model(torch.ones(1, 1, 4, 4))
    torch.testing.assert_close(out, torch.full_like(out, (3 * 2 + 1 * 1) / 4.0001))


def test_negative_upsample_sums_blocks() -> None:
    (out,) = network("[upsample]\nstride=-2\nscale=0.5")(ramp(4, 4))
    assert out[0, 0].tolist() == [[5, 9], [21, 25]]


def test_dropblock_is_active_only_in_training() -> None:
    model = network("[dropout]\ndropblock=1\nprobability=0.5\ndropblock_size_abs=3", 16, 16)
    x = torch.ones(1, 1, 16, 16)
    assert (model.train()(x)[0] == 0).any()
    assert torch.equal(model.eval()(x)[0], x)
