from __future__ import annotations

from tests.data.test_image_weights import index_with


def test_one_class_for_all() -> None:
    index = index_with([0, 2], [], [1])
    single = index.single_class()
    assert single.names == ("object",)
    assert [single.class_ids(i).tolist() for i in range(3)] == [[0, 0], [], [0]]
    assert single.boxes_xyxy(0).tolist() == index.boxes_xyxy(0).tolist()
    assert index.class_ids(0).tolist() == [0, 2]  # left as it was
