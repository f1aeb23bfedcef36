// JupyterLab's own renderer of pictures, which also gives them the alternative text that their
// output carries as metadata: {"image/png": {"alt": "…"}}. Read as it is: nothing is built.
let RenderedImage;

const load = async (shared, name) => (await Object.values(shared[name])[0].get())();

const renderer = () => {
  class DescribedImage extends RenderedImage {
    async renderModel(model) {
      await super.renderModel(model);
      this.node.querySelector("img").alt = model.metadata[this.mimeType]?.alt ?? "";
    }
  }
  return {
    id: "cs231n-viz:alternative-text",
    rank: 80, // before JupyterLab's own, which has 90
    dataType: "string",
    rendererFactory: {
      safe: true,
      mimeTypes: ["image/png", "image/jpeg", "image/gif"],
      createRenderer: (options) => new DescribedImage(options),
    },
  };
};

// what JupyterLab calls: init with the modules that it shares, then get for what package.json names
window._JUPYTERLAB = window._JUPYTERLAB || {};
window._JUPYTERLAB["cs231n-viz"] = {
  init: async (shared) => ({ RenderedImage } = await load(shared, "@jupyterlab/rendermime")),
  get: async () => () => ({ __esModule: true, default: renderer() }),
};
