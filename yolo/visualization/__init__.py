"""Drawing of boxes and labels, figures, and HTML pages.

Knows images, boxes and numbers. Knows no data set and no model: other rooms prepare what is drawn.
"""
