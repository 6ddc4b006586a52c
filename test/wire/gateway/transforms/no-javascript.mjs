export const preprocess = {
