// What ONNX Runtime says of images: export.js MODEL IMAGES ANSWERS N 3 S S;
// the images and the answers are files of float32. Prints what the model says
// of itself.
'use strict';
const fs = require('fs');
const ort = require('onnxruntime-node');

async function main([model, images, answers, ...shape]) {
  const session = await ort.InferenceSession.create(model);
  const bytes = fs.readFileSync(images);
  const pixels =
      new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const tensor = new ort.Tensor('float32', pixels, shape.map(Number));
  const {probabilities} = await session.run({image: tensor});
  fs.writeFileSync(answers, Buffer.from(
      probabilities.data.buffer, probabilities.data.byteOffset,
      probabilities.data.byteLength));
  const input = (session.inputMetadata || [])[0] || {};
  console.log(JSON.stringify({
    inputs: session.inputNames,
    outputs: session.outputNames,
    type: input.type,
    shape: input.shape,
  }));
}

main(process.argv.slice(2)).catch(error => {
  console.error(error.message);
  process.exit(1);
});
