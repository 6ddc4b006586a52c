// Numbers come back below zero.
export function postprocess(response, _request, { tensor, values }) {
  const outputs = response.outputs.map((each) =>
    tensor(
      each.name,
      each.datatype,
      each.shape,
      values(each).map((value) => -value),
    ),
  );
  return { ...response, outputs };
}
