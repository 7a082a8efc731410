"""Where the images to detect in come from: files, folders, videos, cameras, streams, lists, standard input."""
