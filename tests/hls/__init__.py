"""HLS as players and Apple's rules want it: a checker, a second opinion, a browser."""
