from __future__ import annotations

import pytest

from tests.layers.networks import build_network
from yolo.errors import CfgError


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
        build_network(layers)
    assert str(caught.value).startswith(message)
