"""The files of commits: sessions that write them, layers, trees that hold them, readers, filesets."""
