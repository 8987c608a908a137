// The empty Braille cell and interlinear marks are blank, too, although Unicode does not list them as ignorable.
const invisible = /[\p{White_Space}\p{Default_Ignorable_Code_Point}\p{M}\p{Cc}\u2800\ufff9-\ufffb]/gu

/**
 * Whether a text has a visible character.
 *
 * White space, joiners, direction marks, fillers and combining marks without a base are not visible.
 */
export const hasVisible = (text: string): boolean => text.replace(invisible, '') !== ''
