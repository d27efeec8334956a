"use strict";
(function () {
  const player = document.getElementById("player");
  const source = player.dataset.source;
  const trouble = () => { document.getElementById("trouble").hidden = false; };
  if (window.Hls && window.Hls.isSupported()) {
    // A worker would need blob: scripts, which the page's policy refuses.
    const hls = new window.Hls({ enableWorker: false });
    hls.on(window.Hls.Events.ERROR, (_event, found) => { if (found.fatal) trouble(); });
    hls.loadSource(source);
    hls.attachMedia(player);
  } else if (player.canPlayType("application/vnd.apple.mpegurl")) {
    player.src = source;
  } else {
    trouble();
  }
})();
