import pytest

from tests.model.test_network import SMALL, SMALL_VALUES
from yolo.darknet.cfg_file import CfgFile
from yolo.model.network_summary import summarize
from yolo.model.summary_table import format_network
from yolo.storage import shipped_names


def test_the_complete_table() -> None:
    cfg = CfgFile.parse(SMALL.replace("stride=2\npad=1", "stride=2\npad=1\nwarp=9"), "small.cfg")
    assert format_network(summarize(cfg)) == [
        "layer  type           filters  size  from        output  values  BFLOPs  MMACs  field  jump",
        "    0  convolutional        4  3/2          16 x 16 x 4     124   0.000    0.0      3     2",
        "    1  convolutional       18  1/1         16 x 16 x 18      90   0.000    0.0      3     2",
        "    2  yolo                                16 x 16 x 18                             3     2",
        "    3  route                         0      16 x 16 x 4                             3     2",
        "    4  convolutional       18  1/2           8 x 8 x 18      90   0.000    0.0      3     4",
        "    5  yolo                                  8 x 8 x 18                             3     4",
        "",
        "small.cfg, input 32 x 32 x 3",
        f"6 layers, {SMALL_VALUES} parameters ({SMALL_VALUES - 8} trainable)",
        f".weights: {20 + 4 * SMALL_VALUES:,} bytes",
        "0.000 BFLOPs as Darknet counts, 0.000 GMACs",
        "head 2 [yolo]: stride 2, classes 1, anchors 4,4  8,8  16,16",
        "head 5 [yolo]: stride 4, classes 1, anchors 4,4  8,8  16,16",
        "keys that nothing reads (1):",
        "  small.cfg:9: warp=9 in [convolutional]",
    ]


@pytest.mark.parametrize("name", ["yolov3", "yolov4"])
def test_large_networks_fit_a_terminal(name: str) -> None:
    assert name in shipped_names("cfg", ".cfg")
    assert max(map(len, format_network(summarize(CfgFile.read(name))))) <= 120
